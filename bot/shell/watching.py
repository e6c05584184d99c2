"""Stays with a task and shows how it goes: drawn in place on a terminal, as lines of news elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING, Protocol

from bot.shell import progress
from bot.shell.documents import document, remark, say
from bot.shell.exits import Exit
from bot.shell.failure import Failure
from bot.shell.rendering import cut, one_line
from jobs.types import Approval, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.shell.service import Service
    from bot.shell.state import State

PAUSE_SECONDS = 1.0
OUTAGE_SECONDS = 60.0
"""How long a service may be away before the watching is given up; the task goes on without it anyway."""
UP, CLEAR = "\033[{}A\r", "\033[J"


class Screen(Protocol):
    """Where the progress is shown."""

    def show(self, before: State | None, now: State) -> None:
        """Show the state; ``before`` is what was shown last."""
        ...

    def end(self, state: State) -> None:
        """Show how it ended, or what it waits for."""
        ...


class Lines:
    """News as plain lines, for a log or a pipe."""

    def show(self, before: State | None, now: State) -> None:
        """Write what is new."""
        for line in progress.news(before, now):
            say(line)

    def end(self, state: State) -> None:
        """Write the ending."""
        if text := progress.ending(state):
            say(f"\n{text}")


class Documents:
    """One JSON document in each line, for programs."""

    def show(self, before: State | None, now: State) -> None:
        """Write the whole state when anything but the time has changed."""
        if progress.changed(before, now) and not progress.is_over(now):
            self._write(now, "\n".join(progress.news(before, now)))

    def end(self, state: State) -> None:
        """Write the last state."""
        self._write(state, f"{progress.head(state)}\n\n{progress.ending(state)}".strip())

    def _write(self, state: State, text: str) -> None:
        ok = progress.exit_of(state) is not Exit.REFUSED
        say(document(text, ok=ok, task=state["id"], data=state))


class Drawing:
    """A few lines of a terminal, drawn anew in their place."""

    def __init__(self) -> None:
        self._drawn: Sequence[str] = ()

    def show(self, before: State | None, now: State) -> None:
        """Draw the state over what was drawn last, unless it is the same."""
        size = shutil.get_terminal_size()
        lines = progress.block(now, max(size.columns - 1, 20), size.lines)
        if before is not None and lines == self._drawn:
            return
        # What was drawn may be wider than the terminal is now, and stand in more lines than it has.
        over = sum(max(-(-len(line) // max(size.columns, 1)), 1) for line in self._drawn)
        back = UP.format(min(over, size.lines - 1)) if self._drawn else ""
        sys.stdout.write(f"{back}{CLEAR}" + "".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
        self._drawn = lines

    def end(self, state: State) -> None:
        """Write the ending below; what comes next is drawn below that."""
        self._drawn = ()
        if text := progress.ending(state):
            say(f"\n{text}\n")


def watch(service: Service, task_id: str, *, as_json: bool) -> Exit:
    """Show a task until it ends or waits for a person, and return the exit code; Ctrl-C ends the watching only."""
    drawn = sys.stdout.isatty() and not as_json
    screen: Screen = Documents() if as_json else Drawing() if drawn else Lines()
    try:
        while True:
            state = _follow(service, task_id, screen)
            if not (drawn and sys.stdin.isatty() and _answered(service, state)):
                return progress.exit_of(state)
    except KeyboardInterrupt:
        remark(
            f"\nNo longer watched; task {task_id} goes on. `opus67 bg status {task_id} --watch` watches it again, "
            f"`opus67 bg cancel {task_id}` ends it."
        )
        return Exit.INTERRUPTED


def _follow(service: Service, task_id: str, screen: Screen) -> State:
    before = None
    while True:
        state = _state(service, task_id)
        screen.show(before, state)
        if progress.is_over(state):
            screen.end(state)
            return state
        before = state
        time.sleep(PAUSE_SECONDS)


def _state(service: Service, task_id: str) -> State:
    """Ask for the task; a service that is started again meanwhile is waited for."""
    deadline = time.monotonic() + OUTAGE_SECONDS
    while True:
        try:
            return service.state(task_id)
        except Failure as failure:
            if failure.exit_code is not Exit.UNREACHABLE or time.monotonic() > deadline:
                raise
        time.sleep(PAUSE_SECONDS)


def _answered(service: Service, state: State) -> bool:
    """Offer to answer right here; tell whether the task goes on."""
    words = _reply(state) if state["status"] == Status.WAITING else ""
    if not words:
        return False
    answer = service.tell(words, {})
    if not answer.ok:
        remark(f"opus67: {cut(one_line(str(answer.data.get('error', 'That was not possible.'))), 500)}")
    return answer.ok


def _reply(state: State) -> str:
    """Ask the person at the terminal, and return what to tell the bot; nothing where they leave it."""
    task_id = state["id"]
    if not state["question"]:
        return f"resume {task_id}" if _ask("Go on now? [y/N] ").lower() in {"y", "yes"} else ""
    if state["approval"] != Approval.ASKED:
        said = _ask("Your answer (nothing leaves the question open): ")
        return f"answer {task_id} {said}" if said else ""
    said = _ask("[a]pprove the plan, [r]eject it, or nothing to leave it: ").lower()
    if said in {"a", "approve", "y", "yes"}:
        return f"approve {task_id}"
    if said in {"r", "reject", "n", "no"}:
        why = _ask("What should be different? ")
        return f"reject {task_id} {why}" if why else ""
    return ""


def _ask(prompt: str) -> str:
    try:
        return input(prompt).strip()
    except EOFError:
        return ""
