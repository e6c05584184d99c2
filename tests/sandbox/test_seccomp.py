"""The filter for bubblewrap says what the profile for the engines says, on both machines."""

from __future__ import annotations

import json
import struct

import pytest

from jobs.sandbox import seccomp
from jobs.types import SandboxError

ALLOW, EPERM, ENOSYS = 0x7FFF0000, 0x00050001, 0x00050026
NUMBERS = json.loads(seccomp.NUMBERS.read_text())
FORBIDDEN = {
    "x86_64": {
        "ptrace": 101,
        "mount": 165,
        "unshare": 272,
        "setns": 308,
        "io_uring_setup": 425,
        "keyctl": 250,
        "bpf": 321,
        "reboot": 169,
    },
    "aarch64": {
        "ptrace": 117,
        "mount": 40,
        "unshare": 97,
        "setns": 268,
        "io_uring_setup": 425,
        "keyctl": 219,
        "bpf": 280,
        "reboot": 142,
    },
}


def evaluate(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    """Run a filter as the kernel would (the few instructions that are used)."""
    data = struct.pack("<iIQ6Q", number, architecture, 0, *arguments, *([0] * (6 - len(arguments))))
    code = list(struct.iter_unpack("=HBBI", program))
    accumulator = position = 0
    while True:
        operation, if_true, if_false, value = code[position]
        position += 1
        if operation == seccomp.RETURN:
            return int(value)
        if operation == seccomp.LOAD:
            accumulator = struct.unpack_from("<I", data, value)[0]
        elif operation == seccomp.AND:
            accumulator &= value
        else:
            met = accumulator == value if operation == seccomp.JUMP_EQUAL else accumulator >= value
            position += if_true if met else if_false


@pytest.mark.parametrize("machine", seccomp.ARCHITECTURES)
def test_the_filter_allows_exactly_what_the_profile_allows(machine: str) -> None:
    """Every number up to the newest known one is decided as the profile decides its name."""
    column, architecture = seccomp.ARCHITECTURES[machine]
    program = seccomp.compile_filter(machine)
    plain = next(rule["names"] for rule in json.loads(seccomp.profile())["syscalls"] if not rule["args"])
    allowed = {NUMBERS[name][column] for name in plain} - {None}
    special = {NUMBERS[name][column] for name in ("clone", "clone3", "io_setup", "socket", "personality")}
    for number in range(seccomp.NEWEST_KNOWN + 1):
        if number not in special:
            assert (evaluate(program, architecture, number) == ALLOW) == (number in allowed), number
    assert not allowed & set(FORBIDDEN[machine].values())
    assert evaluate(program, architecture, seccomp.NEWEST_KNOWN + 1) == ENOSYS
    assert evaluate(program, architecture, 0x40000000 + 1) == ENOSYS
    assert evaluate(program, architecture ^ 1, 1) == EPERM


@pytest.mark.parametrize("machine", seccomp.ARCHITECTURES)
def test_calls_that_depend_on_an_argument(machine: str) -> None:
    """Sockets by family and protocol, clone without new namespaces, clone3 and io_setup as if they were unknown."""
    column, architecture = seccomp.ARCHITECTURES[machine]
    program = seccomp.compile_filter(machine)

    def call(name: str, *arguments: int) -> int:
        return evaluate(program, architecture, NUMBERS[name][column], *arguments)

    assert {family for family in range(64) if call("socket", family, 1, 0) == ALLOW} == {1, 2, 10, 16}
    protocols = {
        family: {one for one in range(300) if call("socket", family, 1, one) == ALLOW} for family in (2, 10, 16)
    }
    assert protocols == {2: {0, 1, 6, 17}, 10: {0, 6, 17, 58}, 16: {0}}
    assert call("clone", 0x01200011) == ALLOW
    assert call("clone", 0x003D0F00) == ALLOW
    assert call("clone", 0x10000000) == EPERM
    assert call("clone", 0x00020000) == EPERM
    assert call("clone3") == call("io_setup") == ENOSYS
    assert call("personality", 0) == ALLOW
    assert call("personality", 0x0400000) == EPERM


def test_an_unknown_machine_is_told_what_to_do() -> None:
    """Without a table there is no filter, and without a filter no sandbox."""
    with pytest.raises(SandboxError, match="OPUS67_SANDBOX=docker"):
        seccomp.compile_filter("s390x")
