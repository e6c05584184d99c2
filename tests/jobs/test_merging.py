"""What may be merged for whom, as a table; and the merge itself on a GitHub with rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from config import repository as repository_file
from jobs.github import CheckState, Demands, GitHubRefused, PullRequestState, Reviews
from jobs.merging import MergeFacts, may_merge, merge
from jobs.policy import UNKNOWN, Facts
from jobs.types import Actor, GitHubUnavailable
from tests.jobs.conftest import SHOP

if TYPE_CHECKING:
    from jobs.github import PullRequest, Repository
    from jobs.services import Services
    from jobs.testing.github import LocalGitHub

ADA = Actor("github", "5", "ada")
WRITER = Facts(ADA, "write")
SQUASH = repository_file.defaults()
BRANCH = "opus/issue-1-7f3c9a"
PASSED, FAILED, RUNNING = (
    CheckState("tests", "completed", "success"),
    CheckState("lint", "completed", "failure"),
    CheckState("build", "in_progress", ""),
)
ODD = tuple(CheckState(f"odd {word}", "completed", word) for word in ("neutral", "skipped"))


def pull(**changes: Any) -> PullRequestState:
    values: dict[str, Any] = {
        "number": 5,
        "url": "https://github.example/octo/shop/pull/5",
        "title": "Fix",
        "author": "opus-67[bot]",
        "state": "open",
        "draft": False,
        "head": "a" * 40,
        "branch": BRANCH,
        "base": "main",
        "mergeable": True,
        "mergeable_state": "clean",
    }
    return PullRequestState(**{**values, **changes})


def facts(who: Facts = WRITER, **changes: Any) -> MergeFacts:
    more = {name: changes.pop(name) for name in ("checks", "reviews", "demands") if name in changes}
    found = {"checks": (PASSED,), "reviews": Reviews(), "demands": Demands(), **more}
    return MergeFacts(who, pull(**changes), **found)


@pytest.mark.parametrize("who", [Facts(ADA, name) for name in ("write", "maintain", "admin")])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mergeable_state": "has_hooks"},
        {"checks": ()},
        {"checks": ODD},
        # GitHub knows better than a list of results, which may hold old ones.
        {"checks": (PASSED, FAILED, RUNNING)},
        {"demands": Demands(("tests",), 1), "reviews": Reviews(("bob",))},
        {"mergeable": None},
        {"draft": True, "mergeable_state": "draft"},
        {"draft": True, "mergeable_state": "draft", "demands": Demands(("ready only",))},
        {"draft": True, "mergeable_state": "clean", "checks": ODD},
    ],
)
def test_who_may_write_may_have_a_clean_pull_request_merged(who: Facts, changes: dict[str, Any]) -> None:
    """What GitHub calls clean, and a draft that nothing stands in the way of, is merged for whoever may write."""
    decision = may_merge(facts(who, **changes), SQUASH)
    assert decision.allowed, decision.reason
    assert "@ada has" in decision.reason


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": "closed"}, "pull request #5 is closed"),
        ({"state": "merged"}, "pull request #5 is merged"),
        ({"mergeable_state": "dirty"}, "conflicts with `main`"),
        ({"mergeable": False, "draft": True, "mergeable_state": "draft"}, "conflicts with `main`"),
        ({"reviews": Reviews(("eve",), ("bob",))}, "@bob asks for changes"),
        ({"reviews": Reviews((), ("bob", "dan"))}, "@bob and @dan ask for changes"),
        ({"mergeable_state": "unstable", "checks": (PASSED, FAILED)}, "the check `lint` failed"),
        ({"mergeable_state": "unstable", "checks": (FAILED, FAILED)}, "the check `lint` failed"),
        ({"mergeable_state": "unstable", "checks": (PASSED, RUNNING)}, "`build` is not finished"),
        ({"mergeable_state": "unstable", "checks": ()}, "a check of it has not passed"),
        ({"mergeable_state": "blocked", "checks": (RUNNING,)}, "`build` is not finished"),
        ({"mergeable_state": "blocked", "demands": Demands(("e2e",))}, "`main` demands the check `e2e`"),
        ({"mergeable_state": "blocked", "demands": Demands((), 1)}, "demands 1 approval, and it has none"),
        (
            {"mergeable_state": "blocked", "demands": Demands((), 2), "reviews": Reviews(("bob",))},
            "demands 2 approvals, and it has only that of @bob",
        ),
        ({"mergeable_state": "blocked"}, "the rules for `main` do not let it be merged"),
        ({"mergeable_state": "behind"}, f"`{BRANCH}` is behind `main`"),
        ({"mergeable_state": "unknown", "mergeable": None}, "GitHub has not found out yet"),
        ({"mergeable_state": "draft"}, "GitHub calls its state `draft`"),
        ({"mergeable_state": "something new"}, "GitHub calls its state `something new`"),
        ({"draft": True, "mergeable_state": "draft", "checks": (FAILED,)}, "`lint` failed"),
        ({"draft": True, "mergeable_state": "draft", "checks": (RUNNING,)}, "`build` is not finished"),
        ({"draft": True, "mergeable_state": "draft", "demands": Demands((), 1)}, "demands 1 approval"),
        ({"draft": True, "mergeable_state": "draft", "reviews": Reviews((), ("bob",))}, "asks for changes"),
        ({"draft": True, "mergeable_state": "blocked"}, "the rules for `main`"),
    ],
)
def test_what_stands_in_the_way_is_named_with_its_cure(changes: dict[str, Any], words: str) -> None:
    """Every other state is refused, with what GitHub would refuse and what to do about it."""
    decision = may_merge(facts(**changes), SQUASH)
    assert not decision.allowed
    assert words in decision.reason
    assert decision.cure.endswith(".")
    assert not decision.reason.endswith(".")


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (Facts(ADA, "triage"), "@ada has only triage"),
        (Facts(ADA, "read"), "@ada has only read"),
        (Facts(ADA, "none"), "@ada has none"),
        (Facts(ADA, UNKNOWN), "GitHub did not tell"),
        (Facts(ADA, "read", teams=frozenset({"octo/core"})), "@ada has only read"),
        (Facts(Actor("slack", "U1"), ""), "who is not linked"),
        (Facts(Actor("github", "6", "helper[bot]", is_bot=True), "admin", app_id=99), "only people"),
    ],
)
def test_nobody_merges_who_could_not_on_github(who: Facts, words: str) -> None:
    """Being named in the repository's file is enough to ask for work, not to merge it."""
    config = repository_file.parse("allow: {logins: [ada], teams: [octo/core], bots: [99]}")
    decision = may_merge(facts(who), config)
    assert not decision.allowed
    assert words in decision.reason


def test_a_repository_may_keep_merging_to_people() -> None:
    """With ``merge: never`` nobody has the bot merge."""
    decision = may_merge(facts(), repository_file.parse("merge: never"))
    assert not decision.allowed
    assert "merge: never" in decision.reason
    assert "#5" in decision.cure


def test_names_of_strangers_stay_names() -> None:
    """Whoever names a check writes no markup into the answer, and no list without end."""
    checks = tuple(CheckState(f"`x` **{n}**\n@everyone{'y' * 200}", "completed", "failure") for n in range(9))
    reason = may_merge(facts(checks=checks, mergeable_state="unstable"), SQUASH).reason
    assert "\n" not in reason
    assert reason.count("`") == 10
    assert "and 4 more failed" in reason
    assert len(reason) < 600


@pytest.fixture
def shop(services: Services, github: LocalGitHub) -> Repository:
    return services.github.repository(SHOP, github.installation_id)


@pytest.fixture
def draft(shop: Repository, github: LocalGitHub) -> PullRequest:
    """Return a draft of the bot's that adds a file."""
    github.commit_file(SHOP, BRANCH, "fix.py", "y = 2\n", by="alice")
    return shop.ensure_pull_request(BRANCH, "main", "Fix", "Fixes #1")


def is_draft(github: LocalGitHub, number: int) -> bool:
    found = github.issue(SHOP, number).pull
    assert found is not None
    return found.draft


def test_a_draft_is_made_ready_and_merged(shop: Repository, github: LocalGitHub, draft: PullRequest) -> None:
    """In the repository's own way, told with the commit; the second time it is merged already."""
    github.report_check(SHOP, BRANCH, "tests")
    done = merge(shop, draft.number, SQUASH, WRITER)
    made = github.branches(SHOP)["main"]
    assert done.allowed, done.reason
    assert f"into `main` as {made[:7]} (squash), for @ada" in done.reason
    assert github.file(SHOP, "fix.py") == b"y = 2\n"
    again = merge(shop, draft.number, SQUASH, WRITER)
    assert again.allowed
    assert "already" in again.reason
    assert github.branches(SHOP)["main"] == made
    assert github.violations == []


@pytest.mark.parametrize("conclusion", ["failure", ""])
def test_a_refusal_leaves_a_draft_a_draft(
    conclusion: str, shop: Repository, github: LocalGitHub, draft: PullRequest
) -> None:
    """What is known to stand in the way is told before anything is changed."""
    github.report_check(SHOP, BRANCH, "tests", conclusion)
    assert not merge(shop, draft.number, SQUASH, WRITER).allowed
    assert not merge(shop, draft.number, SQUASH, Facts(ADA, "read")).allowed
    assert is_draft(github, draft.number)


def test_what_github_demands_of_a_ready_one_is_told(shop: Repository, github: LocalGitHub, draft: PullRequest) -> None:
    """A check that begins only then is named; with it passed the same words merge."""
    github.protect(SHOP, "main", checks=["e2e"])
    refusal = merge(shop, draft.number, SQUASH, WRITER)
    assert not refusal.allowed
    assert "`main` demands the check `e2e`" in refusal.reason
    assert not is_draft(github, draft.number)
    github.report_check(SHOP, BRANCH, "e2e")
    assert merge(shop, draft.number, SQUASH, WRITER).allowed


def test_githubs_own_refusal_is_passed_on(shop: Repository, github: LocalGitHub, draft: PullRequest) -> None:
    """What only GitHub knows, such as the methods that a repository allows, is told in its words."""
    github.set_merge_methods(SHOP, "merge")
    refusal = merge(shop, draft.number, SQUASH, WRITER)
    assert not refusal.allowed
    assert refusal.reason == "GitHub refuses: Squash merges are not allowed on this repository"
    assert merge(shop, draft.number, repository_file.parse("merge: merge"), WRITER).allowed


def test_what_was_pushed_after_the_judgement_is_not_merged(
    shop: Repository, github: LocalGitHub, draft: PullRequest
) -> None:
    """GitHub refuses a head that nobody judged."""
    shop.mark_ready(draft.number)
    old = shop.pull_request(draft.number)
    github.commit_file(SHOP, BRANCH, "evil.py", "", by="eve")
    with pytest.raises(GitHubRefused, match="modified"):
        shop.merge(draft.number, old.head, "squash")
    assert github.file(SHOP, "evil.py") is None


def test_an_outage_is_raised_and_the_next_try_finds_the_merge(
    shop: Repository, github: LocalGitHub, draft: PullRequest
) -> None:
    """Nothing is claimed that is not known; a merge whose answer and state were lost is found later."""
    github.faults.add("PUT", r"/merge$", status=502, after=True)
    fault = github.faults.add("GET", r"/reviews$", times=3, status=502)
    with pytest.raises(GitHubUnavailable):
        merge(shop, draft.number, SQUASH, WRITER)
    assert fault.hits == 3
    assert merge(shop, draft.number, SQUASH, WRITER).allowed
    assert github.issue(SHOP, draft.number).state == "closed"
