"""The steps of a job, as its log tells them, each with as much of its output as is worth keeping."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_HEAD = 128 * 1_024
_TAIL = 1_536 * 1_024
_AROUND = 512 * 1_024
_BEFORE, _AFTER = 400, 2_000
_STEPS = 5
"""Failed steps that are kept: a job whose steps run in any case may have some."""
_ERRORS = 200
_HEADER = 200
_MARK = re.compile(
    r"^(?:##\[(group|endgroup|error)\](.*)|(Post job cleanup\.|Cleaning up orphan processes))$", re.MULTILINE
)
_ACTION = re.compile(r"Run (?:\./|docker://|[\w.-]+/[\w./-]+@)\S+$")
_EXIT = re.compile(r"Process completed with exit code (-?\d{1,10})\b")
_TELLING = (
    *(
        "FAIL",
        "ERROR",
        "Error",
        "error",
        "panic",
        "Traceback",
        "\u25cf ",
        "\u2715",
        "\u2717",
        "not ok",
        "undefined reference",
    ),
    *("ould reformat", "Exception", "DATA RACE", "fatal"),
)


@dataclass(slots=True)
class Output:
    """The beginning and the end of a long text, and between them the places that look like errors."""

    size: int = 0
    cut: bool = False
    _head: list[str] = field(default_factory=list)
    _around: list[str] = field(default_factory=list)
    _around_size: int = 0
    _tail: deque[str] = field(default_factory=deque)
    _tail_size: int = 0

    def add(self, text: str) -> None:
        """Take whole lines."""
        room = _HEAD - self.size
        self.size += len(text)
        if room > 0:
            end = len(text) if len(text) <= room else text.rfind("\n", 0, room) + 1
            self._head.append(text[:end])
            text = text[end:]
        if text:
            self._tail.append(text)
            self._tail_size += len(text)
        while self._tail_size > _TAIL and len(self._tail) > 1:
            oldest = self._tail.popleft()
            self._tail_size -= len(oldest)
            self.cut = True
            self._keep_around(oldest)

    def text(self) -> str:
        """Return what was kept."""
        gap = "[\u2026 lines are left out here]\n"
        middle = [gap, *self._around, gap] if self.cut else []
        return "".join([*self._head, *middle, *self._tail])

    def _keep_around(self, text: str) -> None:
        position = 0
        while self._around_size < _AROUND and position < len(text):
            found = [place for word in _TELLING if (place := text.find(word, position)) >= 0]
            if not found:
                return
            start = max(text.rfind("\n", 0, max(min(found) - _BEFORE, 0)) + 1, position)
            end = text.find("\n", min(found) + _AFTER) + 1 or len(text)
            self._around.append(text[start:end])
            self._around_size += end - start
            position = end


@dataclass(slots=True)
class LogStep:
    """One step: what it ran, what it printed, and what the runner said of it."""

    title: str = ""
    command: str = ""
    output: Output = field(default_factory=Output)
    errors: list[str] = field(default_factory=list)
    """What was marked as an error, by the runner or by anybody who knows how to."""
    exit_code: int | None = None
    passed_over: bool = False
    """Whether a later script ran well: the failure was allowed to happen, or later steps run in any case."""

    @property
    def failed(self) -> bool:
        """Say whether the step ended badly or complained."""
        return bool(self.errors)


class Job:
    """What a job's log is told apart into, block by block."""

    def __init__(self) -> None:
        self.current = LogStep()
        self.failed: deque[LogStep] = deque(maxlen=_STEPS)
        self.steps = 0
        self._title = ""
        self._header: list[str] | None = None
        """The lines of a group that may introduce a step, while they are read."""
        self.ended = False
        """Whether the runner cleaned up, as it does at the end of every job that it did not lose."""

    def read(self, blocks: Iterable[str]) -> Job:
        """Take all blocks, and return itself."""
        for block in blocks:
            self._block(block)
        self._finish()
        return self

    def _block(self, block: str) -> None:
        position = 0
        for mark in _MARK.finditer(block):
            self._lines(block[position : mark.start()])
            position = mark.end() + 1
            if mark[3]:
                self.ended = True
                self._end_header()
                self._begin(LogStep())
                self.current.output.add(f"{mark[3]}\n")
            elif mark[1] == "error":
                self._error(mark[2])
            elif mark[1] == "endgroup":
                self._end_header()
            else:
                self._group(mark[2])
        self._lines(block[position:])

    def _lines(self, text: str) -> None:
        if not text:
            return
        if self._header is None:
            self.current.output.add(text)
            return
        self._header.extend(text.splitlines(keepends=True)[: _HEADER + 1])
        if len(self._header) > _HEADER:
            self._end_header()

    def _error(self, text: str) -> None:
        self._end_header()
        step = self.current
        if found := _EXIT.match(text):
            step.exit_code = int(found[1])
        else:
            step.output.add(f"{text}\n")
        if len(step.errors) < _ERRORS:
            step.errors.append(text)

    def _group(self, title: str) -> None:
        self._end_header()
        if title.startswith("Run "):
            self._title, self._header = title, []
        else:
            self._lines(f"{title}\n")

    def _end_header(self) -> None:
        """Begin a step where the group that was read introduces one: its script comes before ``shell:``."""
        title, header = self._title, self._header
        if header is None:
            return
        self._header = None
        shell = next((at for at, line in enumerate(header) if line.startswith("shell: ")), None)
        if shell is None and not _ACTION.match(title):
            self._lines("".join((f"{title}\n", *header)))
            return
        script = "" if shell is None else "".join(header[:shell]).strip()
        self._begin(LogStep(title=title, command=script))
        self.steps += 1

    def _begin(self, step: LogStep) -> None:
        self._finish()
        self.current = step

    def _finish(self) -> None:
        self._end_header()
        if self.current.failed:
            self.failed.append(self.current)
        elif self.current.command:
            for step in self.failed:
                step.passed_over = True
