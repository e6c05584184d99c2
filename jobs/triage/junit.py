"""Reports of tests in the XML form that JUnit began and every runner writes in its own way."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers.expat import ExpatError, ParserCreate

from jobs.text import redact, strip_invisible
from jobs.triage.failures import MOST, distinct, failed
from jobs.triage.signatures import is_foreign
from jobs.types import Failure, FailureKind

REPORT = "junit"
"""The tool's name where a report does not tell which one wrote it."""
_LARGEST = 16 * 1_024 * 1_024
_DEEPEST = 40
_TEXT = 8_000
_FAILED = {"failure", "error"}
_GIVEN = ("classname", "name", "file", "line")
"""The attributes of a test that are read; a report may have a million others."""
_PYTHON = re.compile(r"^((?:/|[A-Za-z]:\\)?[^\s:]{1,300}\.py):(\d+): ", re.MULTILINE)
_FRAME = re.compile(
    r"(?:(?<=[\s(])|^)((?:file://)?(?:[A-Za-z]:)?[^\s:()]{1,300}\.(?:[cm]?[jt]sx?|java|kt|go|rs|rb|php"
    r"|cs)):(?:line )?(\d+)"
)
_LIBRARY = re.compile(r"\s*at (?:org|java|jdk|junit|sun|io)\.")


class _Refused(Exception):
    """The report declares a document type, or is deeper than any report."""


@dataclass(slots=True)
class _Case:
    """One test while its element is read."""

    suite: str
    given: dict[str, str]
    text: list[str] = field(default_factory=list)
    size: int = 0
    message: str = ""
    wrong: bool = False


class _Reader:
    """Takes the parser's events."""

    def __init__(self) -> None:
        self.failures: list[Failure] = []
        self._suites: list[str] = []
        self._open: list[str] = []
        self._case: _Case | None = None

    def start(self, name: str, given: dict[str, str]) -> None:
        """Take the beginning of an element."""
        name = name.rpartition(":")[2]
        self._open.append(name)
        if len(self._open) > _DEEPEST:
            raise _Refused
        if name == "testsuite":
            self._suites.append(given.get("name", ""))
        elif name == "testcase":
            suite = self._suites[-1] if self._suites else ""
            self._case = _Case(suite, {key: given[key][:_TEXT] for key in _GIVEN if key in given})
        elif name in _FAILED and self._case and not self._case.wrong:
            self._case.wrong = True
            self._case.message = given.get("message", "")[:_TEXT] or given.get("type", "")[:_TEXT]

    def text(self, text: str) -> None:
        """Take the words of a failure."""
        if self._case and self._open and self._open[-1] in _FAILED and self._case.size < _TEXT:
            self._case.text.append(text)
            self._case.size += len(text)

    def end(self, name: str) -> None:
        """Take the end of an element."""
        name = name.rpartition(":")[2]
        self._open.pop()
        if name == "testsuite" and self._suites:
            self._suites.pop()
        elif name == "testcase" and self._case:
            if self._case.wrong and len(self.failures) < 2 * MOST:
                self.failures.append(_failure(self._case))
            self._case = None


def read_junit(data: bytes) -> tuple[Failure, ...]:
    """Return the failed tests of a report; nothing where it is malformed, larger than 16 MiB, or declares entities."""
    if len(data) > _LARGEST:
        return ()
    reader = _Reader()
    parser = ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(data, True)
    except (ExpatError, _Refused, ValueError, LookupError):
        return ()
    return distinct(reader.failures)


def _refuse(*_: object) -> None:
    raise _Refused


def _failure(case: _Case) -> Failure:
    given = {key: _cleaned(value) for key, value in case.given.items()}
    text = _cleaned("".join(case.text)).strip()
    message = _cleaned(case.message).strip() or text.partition("\n")[0]
    owner, name = given.get("classname", ""), given.get("name", "") or "unnamed"
    path, line = given.get("file", ""), given.get("line", "")
    if case.suite == "pytest" or _PYTHON.search(text):
        return _pytest(owner, name, path, message, text)
    if not path or not line:
        own = "\n".join(one for one in text.split("\n") if not _LIBRARY.match(one))
        frames = [found for found in _FRAME.finditer(own) if not is_foreign(found[1])]
        frame = next((found for found in frames if not path or found[1].endswith(path)), None)
        path, line = (path or frame[1], frame[2]) if frame else (path, line)
    full = name if not owner or name.startswith(owner) or owner == name else f"{owner}.{name}"
    return failed(REPORT, FailureKind.TEST, full, message.partition("\n")[0], path, line, text)


def _pytest(owner: str, name: str, path: str, message: str, text: str) -> Failure:
    """Return the failure with the id that pytest itself prints: modules are lower case, classes are not."""
    parts = owner.split(".")
    classes = next((at for at, part in enumerate(parts) if part[:1].isupper()), len(parts))
    places = list(_PYTHON.finditer(text))
    path = path or f"{'/'.join(parts[:classes])}.py"
    own = next((place for place in places if place[1].endswith(path)), places[-1] if places else None)
    full = "::".join((path, *parts[classes:], name)) if owner else name
    first, _, second = message.partition("\n")
    shown = f"{first}\n{second}" if second.startswith("assert ") else first
    return failed("pytest", FailureKind.TEST, full, shown, path, own[2] if own else 0, text)


def _cleaned(text: str) -> str:
    return redact(strip_invisible(text)[0], ())
