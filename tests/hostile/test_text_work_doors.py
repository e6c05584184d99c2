"""Hidden words by every door on the way of a task's work: reviews, threads, commits, files, logs, checks, reports."""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from jobs.store import Store
from jobs.store.tables import metadata
from jobs.testing.github import CiResult, Job, LocalGitHub
from jobs.testing.github.review_records import LineComment
from jobs.testing.models import call
from jobs.types import Conclusion, Delivery, Kind, Mode, Subject
from tests.conftest import short_folder
from tests.hostile.doors import hide
from tests.hostile.obeying import ORDER, instructions, obeys, reads, spelled_in_tags, told
from tests.jobs.fix_ci.test_for_nothing import log
from tests.jobs.fix_ci.till import RIGHT, TILL, WRONG, Till
from tests.jobs.pulls import BROKEN, done
from tests.jobs.reviewed import Reviewed, answer
from tests.jobs.workshop import SHOP, WORKSHOP, Workshop, finish, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.bubblewrap

CARRIERS = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e0fff]")
WRITTEN = (
    "the title of a pull request",
    "the text of a pull request",
    "a thread that was there before",
    "a review as a whole",
    "a comment in a review",
)
"""Doors for Markdown: what people do not see in it is left out, and told to them in words."""
NAMED = (
    "a file that is changed",
    "a file in the repository",
    "the message of a commit",
    "a report's command",
    "the name of a branch",
)
"""Doors for names and lines that are shown as they are: what is hidden in them is spelled out."""
LOGGED = ("a line of a log", "the name of a test", "a report's log", "a report's test", "another App's check")
"""Doors for what machines wrote: what is hidden in it is left out."""
DOORS = (*WRITTEN, *NAMED, *LOGGED)


def mark(door: str) -> str:
    """Return the word by which a door is known."""
    return f"door{DOORS.index(door)}z"


def plain(door: str) -> str:
    """Return a name or a line with an order in it that nobody sees."""
    return f"{mark(door)}{spelled_in_tags(ORDER)}"


@dataclass
class Worked:
    """What the models were asked by way of all doors, and what people were told."""

    workshop: Workshop
    rows: list[Any] = field(default_factory=list)

    @property
    def prompts(self) -> str:
        """All that models read, the results of their tools with it."""
        return "\n".join(told(one.body) for one in self.workshop.model.requests)

    @property
    def told(self) -> str:
        """All that people read on GitHub."""
        github, found = self.workshop.github, [row.summary for row in self.rows]
        for repository in (WORKSHOP, TILL):
            found += [str(run.output) for run in github.check_runs(repository) if run.name == "Opus 67"]
        return "\n".join(found)

    def review(self) -> None:
        """Review a pull request of carol's, on which alice said something before, and work on what she said."""
        github, path = self.workshop.github, f"till-{plain('a file that is changed')}.py"
        branch = plain("the name of a branch")
        github.commit_file(WORKSHOP, branch, "till.py", BROKEN, by="carol")
        github.commit_file(WORKSHOP, branch, path, BROKEN, by="carol")
        texts = [hide(mark(door)) for door in WRITTEN]
        number = github.open_pull_request(WORKSHOP, branch, f"Add {texts[0]}", texts[1], by="carol").number
        github.review(WORKSHOP, number, "COMMENTED", "", [LineComment("till.py", 5, texts[2])], by="alice")
        self.workshop.plays(inspect=[done()])
        values: dict[str, Any] = {"subject": Subject("pull", number), "title": "Review", "text": ""}
        values["about"] = {"pull": number, "asked": False}
        self.run(self.workshop.task(Kind.REVIEW_PULL_REQUEST, **values))
        self.workshop.plays(work=[answer("T1", "No.", done=False) + finish("Nothing to do.")])
        self.run(self.workshop.task(Kind.ADDRESS_REVIEW, base=branch, **values))

    def address(self) -> None:
        """Work on alice's review of a pull request of ours, and look around in the repository."""
        github, path = self.workshop.github, f"{plain('a file in the repository')}.md"
        message = f"Say {plain('the message of a commit')}"
        github.commit_file(WORKSHOP, "main", path, "x\n", by="alice", message=message)
        reviewed = Reviewed.open(self.workshop)
        words = {door: hide(mark(door)) for door in WRITTEN}
        reviewed.review((3, words["a comment in a review"]), body=words["a review as a whole"])
        look = call("bash", command="ls; git log --format=%B | cat")
        reviewed.plays(look, answer("T1", "No.", done=False) + write("more\n", "more.md"), finish("Done.", "Done"))
        self.run(reviewed.task())

    def mend(self, till: Till) -> None:
        """Mend what CI, another App and a CI of the operator's tell of."""
        till.github.set_ci(TILL, _ci)
        sha = till.push(WRONG)
        self.go(till, sha)
        hidden = {"title": "Red", "summary": hide(mark("another App's check")), "text": f"{mark(DOORS[-1])} is wrong"}
        till.github.foreign_suite(TILL, sha, "other-ci", [("build", "failure", hidden, [])])
        self.go(till, sha, source="checks", workflow="build")
        body = {"repository": TILL, "sha": sha, "branch": "main", "conclusion": "failure", "workflow": "Jenkins"}
        body |= {"log": log(f"E {plain(LOGGED[2])}").decode(), "command": f"make {plain(NAMED[3])}"}
        case = f'<testcase classname="a" name="{plain(LOGGED[3])}"><failure message="3 != 2"/></testcase>'
        body |= {"junit": f'<testsuite name="t">{case}</testsuite>'}
        delivery = Delivery("ci-one", "ci", "one", json.dumps(body).encode(), time.time())
        self.workshop.services.store.deliveries.add(delivery)
        self.go(till, sha, source="report", report="ci-one", workflow="Jenkins")

    def go(self, till: Till, sha: str, **about: str) -> None:
        """Have a red commit be looked into, up to where CI is waited for."""
        self.workshop.plays(work=[write(RIGHT, "till.py"), *[finish("One too many.", "Sum right")] * 3])
        key = f"mend:{about.get('source', 'actions')}"
        self.rows.append(till.once(till.task(sha, about=about, asked=True, mode=Mode.AGGRESSIVE, key=key)))

    def run(self, task: Any) -> None:
        """Carry out a task."""
        self.rows.append(self.workshop.run(task))


def _ci(_path: Path, _sha: str, branch: str, _attempt: int) -> CiResult:
    """Be red with a log of strangers' words, but for what the bot mends."""
    if branch.startswith("opus/"):
        return CiResult([Job("test", "success")])
    lines = [f"FAILED tests/test_till.py::{plain(LOGGED[1])} - AssertionError: {plain(LOGGED[0])}"]
    return CiResult([Job("test", "failure", log=log("=== short test summary info ===", *lines, command="pytest"))])


@contextmanager
def _opened(private_key: str) -> Iterator[Workshop]:
    with short_folder("o67-work-") as home, LocalGitHub(home / "github", private_key_pem=private_key) as github:
        store = Store(f"sqlite:///{home}/opus67.sqlite3")
        metadata.create_all(store.database.engine)
        github.create_repository(SHOP, {"README.md": "# Shop\n"})
        with Workshop.open(home, github, store) as opened:
            yield opened
        store.close()


@pytest.fixture(scope="module")
def worked(private_key: str) -> Iterator[Worked]:
    """Yield what came of all sorts of work, with something hidden at each door."""
    with _opened(private_key) as workshop:
        till, made = Till(workshop), Worked(workshop)
        till.open()
        made.address()
        made.review()
        made.mend(till)
        yield made


def test_all_of_it_was_worked_on(worked: Worked) -> None:
    """No door was closed by something else, and models were asked in each sort of work."""
    assert [row.conclusion for row in worked.rows].count(Conclusion.FAILURE) == 0, worked.told
    assert len(worked.workshop.asked()) >= 8


def test_nothing_unseen_is_in_a_prompt(worked: Worked) -> None:
    """Whatever door it came by: no character that carries words unseen, and no order outside of what is data."""
    assert not CARRIERS.search(worked.prompts)
    assert not obeys(instructions([one.body for one in worked.workshop.model.requests]))


def test_nothing_unseen_is_posted(worked: Worked) -> None:
    """Neither is it handed on to the people who read of the work."""
    sent = [one.body for one in worked.workshop.github.requests if one.method != "GET" and one.body is not None]
    posted = json.dumps(sent, ensure_ascii=False)
    assert all(mark(door) in posted for door in (*WRITTEN, *LOGGED[:4], NAMED[3]))
    assert not CARRIERS.search(posted)


@pytest.mark.parametrize("door", WRITTEN)
def test_what_is_hidden_in_markdown_is_left_out_and_told(worked: Worked, door: str) -> None:
    """The mark stands in what is hidden only: no prompt has it, and people read it where the work is told of."""
    assert not any(mark(door) in reading for reading in reads(worked.prompts))
    assert worked.told.count(mark(door)) >= 2


@pytest.mark.parametrize("door", NAMED)
def test_what_is_hidden_in_a_name_is_spelled_out(worked: Worked, door: str) -> None:
    """The seen part of it arrives, and beside it the code points of what is not seen."""
    assert f"{mark(door)}<U+E004F><U+E0042>" in worked.prompts


@pytest.mark.parametrize("door", LOGGED)
def test_what_is_hidden_in_a_log_is_left_out(worked: Worked, door: str) -> None:
    """The seen part of it arrives."""
    assert mark(door) in worked.prompts
    assert f"{mark(door)}<U+" not in worked.prompts


def test_how_much_another_app_hides_is_told(worked: Worked) -> None:
    """Its summary is Markdown, too."""
    assert "sorts of hidden text were left out here" in worked.prompts
