"""A pull request of ours with a file of some length, people who review it, and a model that answers their threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.testing.github.review_records import LineComment
from jobs.testing.models import call
from jobs.testing.models.script import Failure, Reply
from jobs.types import Conclusion, Kind, Subject
from tests.jobs.workshop import WORKSHOP, finish, write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobs.testing.github.review_records import ReviewComment
    from jobs.testing.models.script import Line
    from jobs.types import Task
    from tests.jobs.workshop import Workshop

LINES = 14
ASKED = "wants the review of pull request"


def text(**changed: str) -> str:
    """Return the file that the pull request brings, with some lines changed: ``line_3="…"``."""
    lines = [changed.get(f"line_{number}", f"value_{number} = {number}") for number in range(1, LINES + 1)]
    return "\n".join(lines) + "\n"


def rewrite(**changed: str) -> Reply:
    """Have the model write that file."""
    return write(text(**changed), "values.py")


def answer(thread: str, words: str, *, done: bool = False) -> Reply:
    """Have the model answer a thread."""
    return call("answer_thread", thread=thread, done=done, answer=words)


def behind(*lines: Line | Callable[[dict[str, Any]], Line], asked: str = ASKED) -> Callable[[dict[str, Any]], Line]:
    """Play these replies behind the last request of this sort, whatever conversation there was before."""

    def play(given: dict[str, Any]) -> Line:
        messages = given["messages"]
        begins = max(place for place, one in enumerate(messages) if asked in str(one["content"]))
        line = lines[sum(one["role"] == "assistant" for one in messages[begins:])]
        return line if isinstance(line, Reply | Failure) else line(given)

    return play


def by_round(*rounds: Callable[[dict[str, Any]], Line]) -> Callable[[dict[str, Any]], Line]:
    """Play one script for each request in the conversation that asks for work on a review."""

    def play(given: dict[str, Any]) -> Line:
        requests = sum(ASKED in str(one["content"]) for one in given["messages"] if one["role"] == "user")
        return rounds[requests - 1](given)

    return play


@dataclass
class Reviewed:
    """A workshop with a pull request of ours."""

    workshop: Workshop
    earlier: Task
    number: int

    @classmethod
    def open(cls, workshop: Workshop) -> Reviewed:
        """Have a task open the pull request."""
        workshop.plays(work=[rewrite(), finish("Has all values now.", "Add values")])
        task = workshop.task(title="Add values", text="Fourteen of them.")
        assert workshop.run(task).conclusion == Conclusion.SUCCESS
        return cls(workshop, task, workshop.pull().number)

    def review(
        self, *comments: tuple[int, str], by: str = "alice", body: str = "", state: str = "CHANGES_REQUESTED"
    ) -> list[ReviewComment]:
        """Review the pull request with comments on lines, and return these."""
        made = [LineComment("values.py", line, words) for line, words in comments]
        self.workshop.github.review(WORKSHOP, self.number, state, body, made, by=by)
        return [thread.comments[0] for thread in self.threads()[-len(made) :]] if made else []

    def threads(self) -> list[Any]:
        """Return all threads of the pull request, oldest first."""
        pull = self.workshop.github.issue(WORKSHOP, self.number).pull
        assert pull is not None
        return list(pull.threads)

    def talk(self, place: int) -> list[str]:
        """Return what is said in a thread."""
        return [comment.body for comment in self.threads()[place].comments]

    def resolved(self) -> list[int]:
        """Return which threads are resolved."""
        return [place for place, thread in enumerate(self.threads()) if thread.resolved_by]

    def head(self) -> str:
        """Return the newest commit of the branch."""
        return self.workshop.github.branches(WORKSHOP)[self.earlier.branch]

    def task(self, *, follows: str = "", asked: bool = False, **changes: Any) -> Task:
        """Ask for work on the review."""
        values: dict[str, Any] = {"title": "Address the review", "text": "", "follows": follows or self.earlier.id}
        values |= {"onto": self.earlier.branch, "subject": Subject("pull", self.number)}
        values |= {"about": {"pull": self.number, "asked": asked}}
        return self.workshop.task(Kind.ADDRESS_REVIEW, **{**values, **changes})

    def plays(self, *lines: Line | Callable[[dict[str, Any]], Line]) -> None:
        """Say what the model does with the review."""
        self.workshop.cast.roles = {"work": behind(*lines)}

    def paid(self) -> int:
        """Return how often a model was asked."""
        return len(self.workshop.model.requests)


def contents(messages: Sequence[dict[str, Any]]) -> str:
    """Return all words of messages."""
    return "\n".join(str(block.get("text") or block) for one in messages for block in one["content"])
