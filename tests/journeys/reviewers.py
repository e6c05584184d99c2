"""Pull requests with reviews, what the models of a story do with them, and what people then see in the threads."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from jobs.testing.github.review_records import LineComment
from jobs.testing.models.script import Script, by_tool, call
from jobs.types import Status
from tests.jobs.reviewed import answer, behind, by_round
from tests.journeys.town import PATIENCE, approve, finish, seen, write
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.testing.github import LocalGitHub
    from jobs.testing.github.records import CheckRun, Comment, Issue
    from jobs.testing.github.review_records import Review, Thread
    from jobs.testing.models.script import JSON, Answerer, Line, Reply
    from jobs.types import Task
    from tests.journeys.town import Story, Town

__all__ = [
    "BOT",
    "Reviewed",
    "answer",
    "behind",
    "by_round",
    "dearer",
    "done",
    "found",
    "merging",
    "plays",
    "prices",
    "reprice",
]

BOT = "opus-67[bot]"
PATH = "prices.py"
LINES = 16
ADDRESSING, MERGING = "wants the review of pull request", "git stopped at the conflicts"


def prices(**changed: str) -> str:
    """Return the file that the pull requests bring, with some lines changed: ``line_3="…"``."""
    return "".join(changed.get(f"line_{number}", f"price_{number} = {number}") + "\n" for number in range(1, LINES + 1))


def dearer(*lines: int, **changed: str) -> str:
    """Return that file with a hundred times the price on some lines."""
    return prices(**{f"line_{line}": f"price_{line} = {line}00" for line in lines}, **changed)


def reprice(*lines: int, **changed: str) -> Reply:
    """Have the model write that."""
    return write(dearer(*lines, **changed), PATH)


def found(line: int, severity: str, reason: str, **more: Any) -> Reply:
    """Have the model report a finding about a pull request that it reviews."""
    return call("report_finding", path=PATH, line=line, severity=severity, reason=reason, **more)


def done(summary: str = "I read the prices.") -> Reply:
    """Have the model end its review of a pull request."""
    return call("finish", summary=summary)


merging = partial(behind, asked=MERGING)


def plays(
    story: Story,
    *,
    work: Sequence[Line | Answerer] = (),
    address: Sequence[Line | Answerer] | Answerer = (),
    inspect: Sequence[Line | Answerer] | Answerer = (),
    merge: Sequence[Line | Answerer] = (),
    judge: Line | None = None,
) -> None:
    """Say what the models of a story do from now on: its work, with a review, as a reviewer, and with conflicts.

    What is played for a review or a merge stands behind all that was said before it in the same conversation.
    """

    def works(request: JSON) -> Line:
        merges = merge and MERGING in str(request["messages"])
        return (merging(*merge) if merges else Script(work))(request)

    tools: dict[str, Answerer] = {
        "report_review": Script([], then=judge or approve()),
        "answer_thread": address if callable(address) else behind(*address, asked=ADDRESSING),
        "report_finding": inspect if callable(inspect) else Script(inspect),
    }
    story.town.cast.roles[story.key] = by_tool(tools, otherwise=works)


@dataclass(eq=False)
class Reviewed:
    """A pull request in a story, the people who review it, and what they see of the bot."""

    story: Story
    number: int
    earlier: list[str] = field(default_factory=list)
    """The tasks that ended before what a test is about."""

    @classmethod
    def ours(cls, town: Town, *, config: str = "", text: str = "", **more: Any) -> Reviewed:
        """Have somebody label an issue, and the bot open a pull request for it."""
        work = [write(text or prices(), PATH), finish("Has all prices now.", "Add prices")]
        story = town.story(work, title="Add prices", body="Sixteen of them.", config=config, **more).ask()
        story.ends()
        [pull] = story.pulls()
        return cls(story, pull.number, [story.current.id])

    @classmethod
    def theirs(
        cls,
        town: Town,
        *,
        text: str = "",
        by: str = "carol",
        title: str = "Add prices",
        body: str = "",
        draft: bool = False,
        config: str = "",
        fork: bool = False,
        **played: Any,
    ) -> Reviewed:
        """Have somebody who may write open a pull request; ``fork`` is for somebody who may not.

        ``played`` is what the models do with it from the moment in which it is open.
        """
        story = town.story([], config=config)
        plays(story, **played)
        github, repository = town.product.github, story.repository
        by = f"{by}-of-{story.key}" if fork else by
        if not fork:
            github.set_permission(repository, by, "write")
        home = github.fork(repository, by=by) if fork else repository
        github.commit_file(home, "prices", PATH, text or prices(), by=by)
        words = f"{title} ({story.key})"
        more = {"fork": home} if fork else {}
        opened = github.open_pull_request(repository, "prices", words, body, by=by, draft=draft, **more)
        return cls(story, opened.number)

    # -- what people do -----------------------------------------------------------------------------------------

    def review(
        self, *comments: tuple[int, str], by: str = "ada", body: str = "", state: str = "CHANGES_REQUESTED"
    ) -> None:
        """Review the pull request with comments on lines."""
        made = [LineComment(PATH, line, words) for line, words in comments]
        self.github.review(self.story.repository, self.number, state, body, made, by=by)

    def push(self, text: str, path: str = PATH, *, by: str = "ada", branch: str = "") -> str:
        """Push a commit to the branch of the pull request, or to another one."""
        return self.github.commit_file(self.story.repository, branch or self.branch, path, text, by=by)

    def say(self, text: str, by: str = "ada") -> Comment:
        """Comment on the pull request."""
        return self.story.say(text, by, on=self.number)

    def reply(self, place: int, text: str, by: str = "ada") -> None:
        """Say something in a thread."""
        first = self.threads[place].comments[0]
        self.github.reply_in_thread(self.story.repository, first.id, text, by=by)

    # -- what is waited for -------------------------------------------------------------------------------------

    def ends(self, seconds: float = PATIENCE) -> Task:
        """Wait until a task that was not seen before has ended and people know, and return it."""

        def ended() -> Task | None:
            row = self._new()
            told = row is not None and self.story.town.store.tasks.row(row.id).told
            return row if row is not None and row.status is Status.COMPLETED and told else None

        try:
            task: Task = until(ended, seconds=seconds, what="the end of a task")  # type: ignore[assignment]
        except AssertionError as error:
            raise AssertionError(f"{error}: {self._new()}\n{self.story.town.product.log[-4000:]}") from None
        self.earlier.append(task.id)
        return task

    def begins(self) -> Task:
        """Wait until there is a task that was not seen before."""
        return until(self._new, seconds=PATIENCE, what="a new task")  # type: ignore[return-value]

    def _new(self) -> Task | None:
        return next((task for task in self.story.tasks() if task.id not in self.earlier), None)

    def is_quiet(self) -> bool:
        """Wait until all deliveries are acted on, and tell whether no task came of them that was not seen before."""
        self.story.settles()
        return self._new() is None

    # -- what people see ----------------------------------------------------------------------------------------

    @property
    def github(self) -> LocalGitHub:
        """GitHub, with its people."""
        return self.story.town.product.github

    @property
    def issue(self) -> Issue:
        """The pull request as GitHub has it."""
        return self.github.issue(self.story.repository, self.number)

    @property
    def branch(self) -> str:
        """The branch of the pull request."""
        assert self.issue.pull is not None
        return self.issue.pull.head

    @property
    def head(self) -> str:
        """The newest commit of the pull request."""
        assert self.issue.pull is not None
        return self.issue.pull.head_sha

    @property
    def is_draft(self) -> bool:
        """Whether it is a draft still."""
        assert self.issue.pull is not None
        return self.issue.pull.draft

    @property
    def threads(self) -> list[Thread]:
        """The threads, oldest first."""
        return self.github.threads(self.story.repository, self.number)

    @property
    def reviews(self) -> list[Review]:
        """The reviews that the bot wrote, oldest first; a reply in a thread brings one without words on GitHub."""
        found = self.github.reviews(self.story.repository, self.number)
        return [one for one in found if one.author.login == BOT and one.body]

    @property
    def resolved(self) -> list[int]:
        """Which threads are resolved."""
        return [place for place, thread in enumerate(self.threads) if thread.resolved_by]

    def talk(self, place: int) -> list[str]:
        """Return what is said in a thread, as people read it."""
        return [seen(comment.body) for comment in self.threads[place].comments]

    def answered(self) -> list[int]:
        """Return in which threads the bot said something, once for each time."""
        mine = [(place, one) for place, thread in enumerate(self.threads) for one in thread.comments]
        return [place for place, one in mine if one.author.login == BOT]

    def comment(self) -> str:
        """Return the newest living comment on the pull request, as people read it."""
        found = [seen(one.body) for one in self.story.comments(self.number)]
        return next((text for text in reversed(found) if text.startswith("<!-- opus67:task=")), "")

    def checks(self, name: str = "Opus 67 review") -> list[CheckRun]:
        """Return the check runs of a name on the newest commit, oldest first."""
        return [one for one in self.story.check_runs() if (one.head_sha, one.name) == (self.head, name)]

    def bot_pushes(self) -> int:
        """Count how often the bot pushed to the repository."""
        return sum(
            push.repository.lower() == self.story.repository.lower() and bool(push.token) for push in self.github.pushes
        )

    def parents(self, commit: str = "") -> list[str]:
        """Return the parents of a commit, the head's if none is named."""
        path = self.github.world.repository(self.story.repository).path
        command = ["git", f"--git-dir={path}", "-c", "safe.directory=*", "rev-list", "--parents", "-n1"]
        done = subprocess.run([*command, commit or self.head], check=True, capture_output=True, text=True)
        return done.stdout.split()[1:]
