"""Taking back: a culprit that is a merge, and a branch that somebody pushes to in the instant of the taking back."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from jobs.kinds.fix_ci import counting
from jobs.testing.github import ci_from_command, git
from jobs.types import Conclusion
from tests.jobs.fix_ci.test_after_the_push import blind, own
from tests.jobs.fix_ci.till import COMMAND, LISTENED, RIGHT, TILL, WORSE, WRONG
from tests.jobs.workshop import finish, write
from tests.waiting import until

if TYPE_CHECKING:
    from typing import Any

    from jobs.testing.models import Reply
    from tests.jobs.fix_ci.till import Till

pytestmark = pytest.mark.bubblewrap

STILL = WRONG.replace("+ 1", "+ 2")


def merge(till: Till, *branches: str) -> str:
    """Merge branches into main by a commit that breaks the sum itself, have CI be red there, and return it."""
    home = till.github.world.repository(TILL).path
    broken = till.github.commit_file(TILL, "broken", "till.py", WRONG, by="alice")
    tree = git.commits(home, broken, limit=1)[0].tree
    parents = [till.github.branches(TILL)[name] for name in ("main", *branches)]
    with till.github.world.change():
        author = ("alice", "alice@users.noreply.github.com")
        made = git.commit_tree(home, tree, parents, message="Merge the topic", author=author)
        git.update_ref(home, "refs/heads/main", made)
    till.github.run_workflow(TILL, "main", jobs=ci_from_command(COMMAND)(home, made, "main", 1).jobs, by="alice")
    return made


def test_a_merge_that_brought_the_failure_is_reverted_to_its_first_parent(till: Till) -> None:
    """What the merge brought is taken back, and what was on the branch before stays."""
    till.github.commit_file(TILL, "topic", "notes.md", "# topic\n", by="alice")
    sha = merge(till, "topic")
    till.workshop.plays(work=[write(STILL, "till.py"), *[finish("I tried.")] * 4])
    task = till.task(sha)
    row = till.go(task)
    culprit = till.diagnosis(task).culprit
    assert culprit is not None
    assert culprit.sha == sha
    [opened] = till.github.pull_requests(TILL)
    assert opened.title == 'Revert "Merge the topic"'
    assert sha[:10] in opened.body
    assert row.conclusion == Conclusion.SUCCESS, row.summary
    assert till.github.file(TILL, "till.py", task.own_branch) == RIGHT.encode()
    assert till.github.file(TILL, "README.md", task.own_branch) == b"# Till\n"


def test_a_merge_of_three_is_not_reverted(till: Till) -> None:
    """Nobody can say which side is meant: the mend that was tried is what is left, in words."""
    for name in ("topic", "other"):
        till.github.commit_file(TILL, name, f"{name}.md", "# topic\n", by="alice")
    sha = merge(till, "topic", "other")
    till.workshop.plays(work=[write(STILL, "till.py"), *[finish("I tried.")] * 4])
    task = till.task(sha)
    row = till.go(task)
    assert row.conclusion in {Conclusion.NEUTRAL, Conclusion.ACTION_REQUIRED}
    assert not [one for one in till.github.pull_requests(TILL) if one.title.startswith("Revert")]
    assert "I tried." in row.summary
    assert till.github.branches(TILL)["main"] == sha


def worse(till: Till) -> tuple[str, Any]:
    """Have a mend that makes it worse be pushed twice; return its branch and its task, which would take it back."""
    gate = threading.Event()
    gate.set()
    blind(till, gate)
    owner, number, sha = own(till, WRONG)
    branch = f"opus/bg-{owner}"

    def next_text(asked: dict[str, Any]) -> Reply:
        second = "second round" in str(asked["messages"][0])
        return write(WORSE + "\n# more\n" * second, "till.py")

    till.workshop.plays(work=[next_text, *[finish("Tried it.", "Mend the sum")] * 4])
    task = till.task(sha, place="own", branch=branch, pull=number, follows=owner, onto=branch)
    stages = till.workshop.services.store.runs
    for _ in range(LISTENED):
        gate.clear()  # CI does not end before the task waits for it
        row = till.once(task)
        gate.set()
        assert row.listens, row.summary
        till.settled(row.listens.rpartition("@")[2])
        till.hear(row.listens)
        if (stages.stage(task.id, "round") or {}).get("number") == 2:
            return branch, task
    raise AssertionError("there is no second round")


def test_a_push_in_the_instant_of_the_taking_back_is_kept(till: Till) -> None:
    """The person's commit stays on top, the mend below it, no branch is made beside it, and the words say so."""
    branch, task = worse(till)
    fault = till.github.faults.add("GET", r"/actions/jobs/\d+/logs$", hang=True)
    mended = till.github.branches(TILL)[branch]

    def meanwhile() -> str:
        until(lambda: fault.hits, seconds=60, what="the reading of the last log")
        made = till.github.commit_file(TILL, branch, "mine.md", "mine\n", by="alice")
        till.github.faults.clear()
        return made

    before = set(till.github.branches(TILL))
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(meanwhile)
        row = till.once(task)
        newest = writing.result(60)
    assert row.conclusion == Conclusion.ACTION_REQUIRED, (row.note, row.listens)
    assert "somebody pushed to" in row.summary
    assert "it was left there" in row.summary
    assert "taken back" not in row.summary
    assert till.github.branches(TILL)[branch] == newest
    assert set(till.github.branches(TILL)) == before
    left = counting.LEFT.format(repository=TILL, sha=mended)
    assert till.workshop.services.store.records.value(left) is None
