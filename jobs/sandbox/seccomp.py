"""The system calls that a sandbox may make: one profile for the engines, and the same compiled for bubblewrap.

``seccomp.json`` is in the engines' format; ``syscalls.json`` gives each name's number on x86_64 and aarch64.
The compiled form is classic BPF over ``struct seccomp_data`` (Linux, Documentation/userspace-api/seccomp_filter.rst).
"""

from __future__ import annotations

import json
import platform
import struct
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from jobs.types import SandboxError

PROFILE = Path(__file__).with_name("seccomp.json")
NUMBERS = Path(__file__).with_name("syscalls.json")
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Machine: column of the number table, and the kernel's AUDIT_ARCH value."""

LOAD, JUMP_EQUAL, JUMP_GREATER_EQUAL, AND, RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
NUMBER_OFFSET, ARCHITECTURE_OFFSET, ARGUMENTS_OFFSET = 0, 4, 16
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
EPERM, ENOSYS = 1, 38
NEWEST_KNOWN = 462
"""Calls newer than this give ENOSYS, so that programs fall back as on an older kernel."""

Instruction = tuple[int, int, int, int]


@cache
def profile() -> str:
    """Return the profile as the engines take it, in one line."""
    return json.dumps(json.loads(PROFILE.read_text()))


def compile_filter(machine: str = "") -> bytes:
    """Return the profile as a program for the kernel; raises ``SandboxError`` on a machine without a table."""
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        known = " and ".join(ARCHITECTURES)
        raise SandboxError(f"bubblewrap sandboxes run on {known}, not on {machine}; set OPUS67_SANDBOX=docker instead.")
    column, architecture = ARCHITECTURES[machine]
    numbers = {name: row[column] for name, row in json.loads(NUMBERS.read_text()).items() if row[column] is not None}
    plain, special = _rules(json.loads(profile()), numbers)
    program: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE_OFFSET),
        (JUMP_EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, ERRNO | EPERM),
        (LOAD, 0, 0, NUMBER_OFFSET),
        (JUMP_GREATER_EQUAL, 0, 1, NEWEST_KNOWN + 1),
        (RETURN, 0, 0, ERRNO | ENOSYS),
    ]
    for first, last in _ranges(plain):
        program += [(JUMP_GREATER_EQUAL, 0, 2, first), (JUMP_GREATER_EQUAL, 1, 0, last + 1), (RETURN, 0, 0, ALLOW)]
    for number, rules in special.items():
        program += _special(number, rules)
    program.append((RETURN, 0, 0, ERRNO | EPERM))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _rules(document: dict[str, Any], numbers: dict[str, int]) -> tuple[set[int], dict[int, list[dict[str, Any]]]]:
    """Return the numbers that are always allowed, and the rules of those with an argument or an errno of their own."""
    plain: set[int] = set()
    special: dict[int, list[dict[str, Any]]] = {}
    for rule in document["syscalls"]:
        found = {numbers[name] for name in rule["names"] if name in numbers}
        if rule["action"] == "SCMP_ACT_ALLOW" and not rule["args"]:
            plain |= found
        else:
            for number in found:
                special.setdefault(number, []).append(rule)
    return plain, special


def _ranges(numbers: set[int]) -> list[tuple[int, int]]:
    """Return sorted numbers as ranges without gaps."""
    ordered = sorted(numbers)
    starts = [ordered[0], *(after for before, after in pairwise(ordered) if after != before + 1)]
    ends = [*(before for before, after in pairwise(ordered) if after != before + 1), ordered[-1]]
    return list(zip(starts, ends, strict=True))


def _special(number: int, rules: list[dict[str, Any]]) -> list[Instruction]:
    """Return the block for one call: each rule in turn, then EPERM; other calls jump over the block."""
    body: list[Instruction] = []
    for rule in rules:
        if rule["action"] == "SCMP_ACT_ERRNO":
            body.append((RETURN, 0, 0, ERRNO | rule["errnoRet"]))
            continue
        conditions = [instruction for argument in rule["args"] for instruction in _condition(argument)]
        for position, (operation, if_true, if_false, value) in enumerate(conditions):
            # A condition that is not met goes on behind this rule, over its other conditions and its RETURN.
            away = len(conditions) - position if operation == JUMP_EQUAL else if_false
            body.append((operation, if_true, away, value))
        body.append((RETURN, 0, 0, ALLOW))
    body.append((RETURN, 0, 0, ERRNO | EPERM))
    return [(JUMP_EQUAL, 0, len(body), number), *body]


def _condition(argument: dict[str, Any]) -> list[Instruction]:
    """Return what compares one argument of a call; the jump's way when it is not equal is set by the caller."""
    # The low half of the argument is all that these calls look at; both machines are little-endian.
    load: Instruction = (LOAD, 0, 0, ARGUMENTS_OFFSET + 8 * argument["index"])
    if argument["op"] == "SCMP_CMP_MASKED_EQ":
        return [load, (AND, 0, 0, argument["value"]), (JUMP_EQUAL, 0, 0, argument["valueTwo"])]
    return [load, (JUMP_EQUAL, 0, 0, argument["value"])]
