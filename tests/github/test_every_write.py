"""Whatever becomes of the answer to a write, a second attempt finds what the first one did: nothing is there twice."""

from __future__ import annotations

import ast
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import jobs.github
from jobs.github import GitHub
from jobs.testing.github import Job, LineComment
from jobs.types import GitHubUnavailable
from tests.github.conftest import SHOP, unheard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jobs.github import Repository
    from jobs.testing.github import LocalGitHub

    Deed = tuple[Callable[[], object], Callable[[], int]]
    """What is done, and how often it is there."""

LOST: dict[str, dict[str, Any]] = {
    "a 502": {"status": 502},
    "a cut": {"drop": True},
    "silence": {"hang": True},
}
"""What comes in place of the answer, behind the deed."""


@pytest.fixture
def impatient(local: LocalGitHub) -> Iterator[Repository]:
    """Yield the repository for a client that does not wait long."""
    key = local.private_key_pem
    client = GitHub(local.api_url, local.server_url, local.app_id, key, timeout=0.8, witness=unheard)
    client.bot_user()
    yield client.repository(SHOP, local.installation_id)
    client.close()


def pull_of(local: LocalGitHub, name: str, *, draft: bool = False) -> Any:
    """Have alice open a pull request."""
    local.commit_file(SHOP, name, "fix.py", "a = 1\nb = 2\n", by="alice")
    return local.open_pull_request(SHOP, name, "Fix", by="alice", draft=draft)


def commented(shop: Repository, local: LocalGitHub, name: str) -> tuple[int, Any]:
    """Return a pull request and a thread that alice began on it."""
    number = pull_of(local, name).number
    local.review(SHOP, number, "COMMENTED", "", [LineComment("fix.py", 2, "Why?")], by="alice")
    return number, shop.review_threads(number)[0]


def reaction(shop: Repository, local: LocalGitHub, _name: str) -> Deed:
    """React to an issue."""
    return lambda: shop.react(1, "eyes"), lambda: len(local.reactions(SHOP, 1))


def reaction_to_comment(shop: Repository, local: LocalGitHub, name: str) -> Deed:
    """React to a comment."""
    made = local.comment(SHOP, 1, name, by="alice")
    return lambda: shop.react_to_comment(made.id, "+1"), lambda: len(local.reactions(SHOP, 1, made.id))


def reaction_to_line(shop: Repository, local: LocalGitHub, name: str) -> Deed:
    """React to a comment in a thread."""
    number, thread = commented(shop, local, name)
    pull = local.issue(SHOP, number).pull
    assert pull is not None
    comment = pull.threads[0].comments[0]
    return lambda: shop.react_to_line_comment(thread.comments[0].id, "eyes"), lambda: len(comment.reactions)


def comment(shop: Repository, local: LocalGitHub, name: str) -> Deed:
    """Write the living comment."""
    marker = f"<!-- {name} -->"

    def there() -> int:
        return sum(one.body.startswith(marker) for one in local.comments(SHOP, 1))

    return lambda: shop.ensure_comment(1, marker, f"{marker}\nWords"), there


def check_run(shop: Repository, local: LocalGitHub, name: str) -> Deed:
    """Make a check run."""
    sha, values = local.branches(SHOP)["main"], {"status": "in_progress"}
    made = lambda: shop.ensure_check_run(sha, name, "Opus 67", values)  # noqa: E731 - beside its count
    return made, lambda: sum(run.external_id == name for run in local.check_runs(SHOP))


def pull_request(shop: Repository, local: LocalGitHub, name: str) -> Deed:
    """Open a draft."""
    local.commit_file(SHOP, f"opus/{name}", "fix.py", "y = 2\n", by="alice")

    def there() -> int:
        return sum(one.title == f"Fix {name}" for one in local.pull_requests(SHOP))

    return lambda: shop.ensure_pull_request(f"opus/{name}", "main", f"Fix {name}", "Words"), there


def reply(shop: Repository, local: LocalGitHub, name: str) -> Deed:
    """Answer in a thread."""
    number, thread = commented(shop, local, name)
    done = lambda: shop.ensure_reply(number, thread, "<!-- m -->", "<!-- m -->\nDone")  # noqa: E731 - beside its count
    return done, lambda: len(shop.review_thread(thread.id).comments) - 1


def resolved(shop: Repository, local: LocalGitHub, name: str) -> Deed:
    """Resolve a thread."""
    _, thread = commented(shop, local, name)
    return lambda: shop.resolve(thread.id), lambda: shop.review_thread(thread.id).resolved


def review(shop: Repository, local: LocalGitHub, name: str) -> Deed:
    """Write a review."""
    opened = pull_of(local, name)
    head = shop.pull_request(opened.number).head
    done = lambda: shop.ensure_review(opened.number, head, "<!-- m -->", "<!-- m -->\nFine", "COMMENT")  # noqa: E731
    return done, lambda: len(local.reviews(SHOP, opened.number))


def dismissal(shop: Repository, local: LocalGitHub, name: str) -> Deed:
    """Take a request for changes back."""
    number = pull_of(local, name).number
    head = shop.pull_request(number).head
    written = shop.ensure_review(number, head, "<!-- m -->", "<!-- m -->\nNo", "REQUEST_CHANGES")
    done = lambda: shop.dismiss_review(number, written, "Settled.")  # noqa: E731 - beside its count
    return done, lambda: shop.submitted_review(number, written).state == "DISMISSED"


def ready(shop: Repository, local: LocalGitHub, name: str) -> Deed:
    """Make a draft an ordinary pull request."""
    number = pull_of(local, name, draft=True).number
    return lambda: shop.mark_ready(number), lambda: not shop.pull_request(number).draft


def merge(shop: Repository, local: LocalGitHub, name: str) -> Deed:
    """Merge a pull request."""
    local.commit_file(SHOP, name, f"{name}.py", "a = 1\n", by="alice")
    number = local.open_pull_request(SHOP, name, "Fix", by="alice").number
    head = shop.pull_request(number).head
    return lambda: shop.merge(number, head, "squash"), lambda: shop.pull_request(number).state == "merged"


def rerun(shop: Repository, local: LocalGitHub, _name: str) -> Deed:
    """Have failed jobs run again."""
    run = local.run_workflow(SHOP, "main", jobs=[Job("unit", "failure")])
    return lambda: shop.rerun_failed(run.id, 1), lambda: len(run.attempts) - 1


WRITES = {
    reaction: r"/issues/1/reactions$",
    reaction_to_comment: r"/issues/comments/\d+/reactions$",
    reaction_to_line: r"/pulls/comments/\d+/reactions$",
    comment: r"/issues/1/comments$",
    check_run: "/check-runs$",
    pull_request: "/pulls$",
    reply: "/replies$",
    resolved: "/graphql$",
    review: r"/pulls/\d+/reviews$",
    dismissal: "/dismissals$",
    ready: "/graphql$",
    merge: "/merge$",
    rerun: "/rerun-failed-jobs$",
}
"""Every write that makes something, and its path."""
WRITERS = {
    *("react", "react_to_comment", "react_to_line_comment", "create_comment", "ensure_check_run", "resolve"),
    *("ensure_pull_request", "ensure_reply", "_write", "dismiss_review", "mark_ready", "merge", "rerun_failed"),
}
"""The methods that make these."""
HARMLESS = {"_ask_token", "redeliver"}
"""A token that nobody heard of ends by itself; a redelivery has the GUID of its delivery, which is done once."""


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)
def test_a_write_whose_answer_is_lost_is_found_again(
    impatient: Repository, local: LocalGitHub, write: Callable[[Repository, LocalGitHub, str], Deed]
) -> None:
    """With a 502, a cut or silence behind the deed, nobody makes it twice: neither this attempt nor the next."""
    for number, (how, fault) in enumerate(LOST.items()):
        act, there = write(impatient, local, f"w{number}")
        mutation = (lambda request: b"mutation" in request.body) if WRITES[write] == "/graphql$" else None
        method = "PUT" if write in {dismissal, merge} else "POST"
        lost = local.faults.add(method, WRITES[write], after=True, when=mutation, **fault)
        with suppress(GitHubUnavailable):
            act()
        assert (lost.hits, there()) == (1, 1), how
        local.faults.clear()
        insist(act)
        assert there() == 1, how


def insist(act: Callable[[], object]) -> None:
    """Do it until it is answered: on a busy machine an answer may come too late for who does not wait long."""
    for _ in range(5):
        with suppress(GitHubUnavailable):
            act()
            return
    raise AssertionError("it was never answered")


def test_every_write_is_in_the_table() -> None:
    """Whoever adds a write to the client says here how a second attempt finds it."""
    writers = set()
    for path in Path(jobs.github.__file__).parent.glob("*.py"):
        for found in ast.walk(ast.parse(path.read_text())):
            if isinstance(found, ast.FunctionDef) and path.stem not in {"transport", "device"} and _writes(found):
                writers.add(found.name)
    assert writers - HARMLESS == WRITERS


def _writes(function: ast.FunctionDef) -> bool:
    words = {one.value for one in ast.walk(function) if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    names = {one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "") for one in ast.walk(function)}
    return bool({"POST", "PUT"} & words or {"RESOLVE", "READY"} & names)
