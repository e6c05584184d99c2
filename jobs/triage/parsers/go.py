"""Go: tests (plain, -json, gotestsum), panics, races, builds, vet, gofmt's neighbour golangci-lint."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from jobs.triage.failures import MOST, Section, failed
from jobs.triage.signatures import is_foreign, relative
from jobs.types import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.types import Failure

WORDS = ("--- FAIL: ", "=== FAIL: ", "panic: ", '"Action":', ".go:")
_LONGEST = 80
_FAIL = re.compile(r"^( *)(?:--- FAIL: |=== FAIL: (\S+) )(\S+) \(")
_TEST_END = re.compile(r"^(?: *(?:---|===) |FAIL\b|ok  ?\t|PASS$|exit status |panic: |DONE \d+ tests)")
_PACKAGE = re.compile(r"^FAIL\t(\S+)(?:\t| \[)")
_PLACE = re.compile(r"^\s+((?:[A-Za-z]:)?[^\s:]{1,300}\.go):(\d+):(?: (.*))?$")
_FRAME = re.compile(r"^\s+((?:[A-Za-z]:)?[^\s:]{1,300}\.go):(\d+)(?: \+0x[0-9a-f]+)?$")
_TRACE = re.compile(r"^\s*Error Trace:\s*([^\s:]{1,300}\.go):(\d+)")
_TESTIFY = re.compile(r"^\s*Error:\s+(\S.*)$")
_ERROR = re.compile(r"^(?:vet: )?((?:\./)?[^\s:]{1,300}\.go):(\d+)(?::(\d+))?: (.+)$")
_LINTER = re.compile(r"^(.*) \(([a-z][a-z\d]{2,30})\)$")
_PANIC = re.compile(r"^panic: (.+)$")
_FUNCTION = re.compile(r"^\S{1,300}\.((?:Test|Fuzz|Example)\w*)(?:\.func\d+)*\(")
"""A test's function in a trace."""
_HOSTS = ("github.com", "gitlab.com", "bitbucket.org")


def parse(section: Section) -> Iterator[Failure]:
    """Yield what failed of Go."""
    lines = _plain(section.lines) if '"Action":' in section.text else section.lines
    found = list(_tests(lines))
    yield from found
    if not found:
        yield from _panic(lines)
    yield from _errors(lines, section.command)


def _plain(lines: list[str]) -> list[str]:
    """Return the output that the events of ``go test -json`` carry, each test's together."""
    told: dict[tuple[str, str], list[str]] = {}
    rest: list[str] = []
    for line in lines:
        event = _event(line) if line.startswith("{") else None
        if event is None:
            rest.append(line)
        elif event.get("Action") in {"output", "build-output"}:
            key = (str(event.get("Package") or event.get("ImportPath") or ""), str(event.get("Test") or ""))
            told.setdefault(key, []).append(str(event.get("Output", "")))
    packages = dict.fromkeys(package for package, _ in told)
    parts = [
        told[key] for package in packages for key in sorted(told, key=lambda key: key[1] == "") if key[0] == package
    ]
    return [*"".join(text for part in parts for text in part).split("\n"), *rest]


def _event(line: str) -> dict[str, object] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _tests(lines: list[str]) -> Iterator[Failure]:
    starts = [(at, found) for at, line in enumerate(lines) if (found := _FAIL.match(line))][: 3 * MOST]
    names = {found[3] for _, found in starts}
    packages = _packages(lines)
    for at, found in starts:
        if any(name.startswith(f"{found[3]}/") for name in names):
            continue
        block = _block(lines, at)
        # gotestsum names the folder, go itself the package, after its tests.
        package = next((name for place, name in packages if place > at), "")
        folder = found[2].strip("./") if found[2] else _folder(package)
        yield _test(found[3], block, folder, [*lines[max(at - 40, 0) : at]])


def _packages(lines: list[str]) -> list[tuple[int, str]]:
    return [(at, found[1]) for at, line in enumerate(lines) if (found := _PACKAGE.match(line))]


def _block(lines: list[str], start: int) -> list[str]:
    end = start + 1
    while end < min(len(lines), start + _LONGEST) and not _TEST_END.match(lines[end]):
        end += 1
    if end < len(lines) and lines[end].startswith("panic: "):
        stop = next((at for at in range(end, len(lines)) if lines[at].startswith("FAIL\t")), len(lines))
        end = min(stop, end + _LONGEST)
    return lines[start:end]


def _test(name: str, block: list[str], folder: str, before: list[str]) -> Failure:
    panic = next((found for line in block if (found := _PANIC.match(line))), None)
    if panic:
        path, line, message = *_frame(block), panic.group().split(" [recovered]")[0]
    else:
        path, line, message = _told(block, folder)
    if "race detected" in message:
        race = max((at for at, text in enumerate(before) if text == "WARNING: DATA RACE"), default=None)
        block = [*before[race:], *block] if race is not None else block
        near = _frame(block)
        path, line = near if near[0] else (path, line)
    if not line:
        # With -v, what the test says comes before its verdict.
        run = max((at for at, text in enumerate(before) if re.match(r"=== RUN\s+", text)), default=None)
        if run is not None:
            path, line, message = _told(before[run:], folder)
            block = [*before[run:], *block]
    return failed("go", FailureKind.TEST, name, message, path, line, "\n".join(block))


def _told(block: list[str], folder: str) -> tuple[str, str, str]:
    """Return where and what a test says; of a race, that there is one comes last and counts less than its place."""
    path = line = message = ""
    for at, text in enumerate(block):
        if found := _PLACE.match(text):
            if not path or path == "testing.go":
                path, line = found[1], found[2]
                message = found[3] or next((one.strip() for one in block[at + 1 : at + 3] if one.strip()), "")
        elif found := _TRACE.match(text):
            path, line = found[1], found[2]
        elif found := _TESTIFY.match(text):
            message = found[1]
    return (f"{folder}/{path}" if folder and "/" not in path and path else path), line, message or "the test failed"


def _frame(block: list[str]) -> tuple[str, str]:
    frames = [(found[1], found[2]) for line in block if (found := _FRAME.match(line))]
    near = [
        (path, line) for path, line in frames if not is_foreign(path) and "/src/" not in path and path != "_testmain.go"
    ]
    return (relative(near[0][0]), near[0][1]) if near else ("", "")


def _folder(package: str) -> str:
    """Return a package's folder, as far as its import path tells where the module ends."""
    parts = package.split("/")
    if parts[0] in _HOSTS:
        parts = parts[3:]
    elif "." in parts[0] and parts[0] != ".":
        parts = parts[2:]
    elif parts[0] != ".":
        parts = parts[1:]
    return "/".join(part for part in parts if part != ".")


def _panic(lines: list[str]) -> Iterator[Failure]:
    at = next((at for at, line in enumerate(lines) if _PANIC.match(line)), None)
    if at is None or not any(line.startswith("goroutine ") for line in lines[at : at + 10]):
        return
    block = lines[at : at + 5 * _LONGEST]
    test = next((line.split()[0] for line in block if re.match(r"\s+(?:Test|Fuzz|Example)\w* \(", line)), "")
    called = next(((n, found[1]) for n, line in enumerate(block) if (found := _FUNCTION.match(line))), None)
    path, line = _frame(block[called[0] : called[0] + 3]) if called else _frame(block)
    name, kind = test or (called[1] if called else ""), FailureKind.TEST
    if not name:
        name, kind = "panic", FailureKind.OTHER
    yield failed("go", kind, name, block[0], path, line, "\n".join(block[:_LONGEST]))


def _errors(lines: list[str], command: str) -> Iterator[Failure]:
    """Yield what the compiler, vet and linters say: they share one form."""
    vets = "go vet" in command and not re.search(r"\bgo (?:build|test|run|install)\b", command)
    for at, line in enumerate(lines):
        found = _ERROR.match(line)
        if not found:
            continue
        excerpt = "\n".join(lines[at : at + 3])
        linter = _LINTER.match(found[4])
        if linter and found[3]:
            yield failed("golangci-lint", FailureKind.LINT, linter[2], linter[1], found[1], found[2], excerpt)
        elif vets or line.startswith("vet: "):
            yield failed("go", FailureKind.LINT, "vet", found[4], found[1], found[2], excerpt)
        elif found[3] and found[4] != "too many errors":
            yield failed("go", FailureKind.COMPILE, "build", found[4], found[1], found[2], excerpt)
