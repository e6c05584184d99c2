"""What is read from a repository, and what is written once whatever happens to the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.answer.check_run import check_output
from jobs.types import CHECK_NAME, GitHubUnavailable, UserError
from tests.answer.views import STATES
from tests.github.conftest import SHOP
from tests.testing import conformity

if TYPE_CHECKING:
    from jobs.github import GitHub, Repository
    from jobs.testing.github import LocalGitHub

MARKER = "<!-- opus67:task=7f3c9a -->"


def test_reads_files_of_the_default_branch_and_of_a_ref(shop: Repository, local: LocalGitHub) -> None:
    """A file comes as bytes, with blanks in its path; what is missing or a folder is None."""
    local.commit_file(SHOP, "other", "README.md", b"\xff other", by="alice")
    assert shop.read_file("README.md") == b"# Shop\n"
    assert shop.read_file("README.md", "other") == b"\xff other"
    assert shop.read_file("src/a b.py") == b"x = 1\n"
    assert shop.read_file("nothing.md") is None
    assert shop.read_file("src") is None


def test_knows_branches_and_their_heads(shop: Repository, local: LocalGitHub) -> None:
    """The default branch's head needs no name; a branch that is not there has none."""
    made = local.commit_file(SHOP, "opus/issue-1-abc", "x.txt", "x", by="alice")
    assert shop.default_branch() == "main"
    assert shop.head_sha() == local.branches(SHOP)["main"]
    assert shop.head_sha("opus/issue-1-abc") == shop.branch_sha("opus/issue-1-abc") == made
    assert shop.branch_sha("gone") is None
    assert shop.default_head() == ("main", local.branches(SHOP)["main"])


def test_a_repository_without_a_commit_is_told(github: GitHub, local: LocalGitHub) -> None:
    """Nothing can be based on it; what to do is said."""
    local.create_repository("octo/empty")
    with pytest.raises(UserError, match=r"octo/empty has no commit yet\. Push"):
        github.repository("octo/empty", local.installation_id).default_head()


def test_tells_permissions_as_they_are_now(shop: Repository, local: LocalGitHub) -> None:
    """A permission is asked anew each time; a stranger has none."""
    assert shop.permission("alice") == "write"
    local.set_permission(SHOP, "alice", "triage")
    assert shop.permission("alice") == "triage"
    assert shop.permission("nobody-we-know") == "none"


def test_a_team_that_may_not_be_seen_has_no_members(shop: Repository) -> None:
    """Without the permission to read members nobody is let in by a team."""
    assert not shop.team_member("octo", "core", "alice")


def test_reads_issues(shop: Repository, local: LocalGitHub) -> None:
    """An issue comes with its labels and state; a deleted one is None; lists are filtered by label."""
    local.label_issue(SHOP, 1, "assign-to-opus", by="alice")
    issue = shop.issue(1)
    assert issue is not None
    assert (issue.title, issue.body, issue.state) == ("Total is wrong", "It is 0.31", "open")
    assert issue.labels == ("assign-to-opus",)
    assert [found.number for found in shop.open_issues("assign-to-opus")] == [1]
    assert list(shop.open_issues("other")) == []
    local.delete_issue(SHOP, 1, by="alice")
    assert shop.issue(1) is None


def test_a_reaction_is_put_once(shop: Repository, local: LocalGitHub) -> None:
    """The same reaction twice stays one."""
    shop.react(1, "eyes")
    shop.react(1, "eyes")
    assert [reaction.content for reaction in local.reactions(SHOP, 1)] == ["eyes"]


def test_a_lost_answer_leads_to_one_comment(shop: Repository, local: LocalGitHub) -> None:
    """When GitHub wrote the comment but its answer was lost, the next attempt finds and edits it."""
    local.faults.add("POST", r"/comments$", status=502, after=True)
    with pytest.raises(GitHubUnavailable):
        shop.ensure_comment(1, MARKER, f"{MARKER}\nfirst")
    comment = shop.ensure_comment(1, MARKER, f"{MARKER}\nsecond")
    assert [found.body for found in local.comments(SHOP, 1)] == [f"{MARKER}\nsecond"]
    assert shop.edit_comment(comment.id, f"{MARKER}\nthird").body.endswith("third")
    assert len(local.comments(SHOP, 1)) == 1


def test_somebody_elses_marker_is_not_ours(shop: Repository, local: LocalGitHub) -> None:
    """A person or another bot that writes our marker does not get our comment's place."""
    local.add_user("other[bot]", "Bot")
    local.comment(SHOP, 1, f"{MARKER}\nforged", by="bob")
    local.comment(SHOP, 1, f"{MARKER}\nforged too", by="other[bot]")
    assert shop.find_comment(1, MARKER) is None
    made = shop.ensure_comment(1, MARKER, f"{MARKER}\nours")
    found = shop.find_comment(1, MARKER)
    assert found is not None
    assert found.id == made.id


def test_our_comment_is_found_behind_many_others(shop: Repository, local: LocalGitHub) -> None:
    """Lists are read to their last page."""
    for number in range(105):
        local.comment(SHOP, 1, f"me too {number}", by="bob")
    made = shop.create_comment(1, f"{MARKER}\nours")
    found = shop.find_comment(1, MARKER)
    assert found is not None
    assert found.id == made.id


def test_a_lost_answer_leads_to_one_draft_pull_request(shop: Repository, local: LocalGitHub) -> None:
    """A pull request is a draft, and found again by its branch."""
    local.commit_file(SHOP, "opus/issue-1-7f3c9a", "fix.py", "y = 2\n", by="alice")
    local.faults.add("POST", r"/pulls$", drop=True, after=True)
    with pytest.raises(GitHubUnavailable):
        shop.ensure_pull_request("opus/issue-1-7f3c9a", "main", "Fix", "body")
    made = shop.ensure_pull_request("opus/issue-1-7f3c9a", "main", "Fix it", "better body")
    assert (made.draft, made.base, made.state) == (True, "main", "open")
    assert [found.title for found in local.pull_requests(SHOP)] == ["Fix it"]


def test_a_closed_pull_request_is_left_as_people_left_it(shop: Repository, local: LocalGitHub) -> None:
    """What a person closed is neither opened again nor changed."""
    local.commit_file(SHOP, "opus/issue-1-7f3c9a", "fix.py", "y = 2\n", by="alice")
    made = shop.ensure_pull_request("opus/issue-1-7f3c9a", "main", "Fix", "body")
    local.close_pull_request(SHOP, made.number, by="alice")
    again = shop.ensure_pull_request("opus/issue-1-7f3c9a", "main", "Fix again", "body")
    assert (again.number, again.state) == (made.number, "closed")
    assert local.pull_requests(SHOP)[0].title == "Fix"


def test_a_lost_answer_leads_to_one_check_run(shop: Repository, local: LocalGitHub) -> None:
    """A check run is found again by its external id, and shows what GitHub takes."""
    sha = shop.head_sha()
    local.faults.add("POST", r"/check-runs$", status=504, after=True)
    with pytest.raises(GitHubUnavailable):
        shop.ensure_check_run(sha, "7f3c9a", CHECK_NAME, check_output(STATES["coding"]))
    made = shop.ensure_check_run(sha, "7f3c9a", CHECK_NAME, check_output(STATES["coding"]))
    shop.update_check_run(made.id, check_output(STATES["success"]))
    other = shop.ensure_check_run(sha, "other", CHECK_NAME, check_output(STATES["queued"]))
    runs = {run.id: run for run in local.check_runs(SHOP)}
    assert set(runs) == {made.id, other.id}
    assert (runs[made.id].status, runs[made.id].conclusion) == ("completed", "success")
    assert [action["identifier"] for action in runs[made.id].actions] == ["run_again"]


@pytest.mark.parametrize("state", STATES)
def test_github_takes_the_check_run_of_every_state(state: str, shop: Repository, local: LocalGitHub) -> None:
    """No state gives a check run that GitHub would refuse, by its own description."""
    shop.ensure_check_run(shop.head_sha(), state, CHECK_NAME, check_output(STATES[state]))
    assert conformity.check_exchanges(local) > 0


def test_a_whole_tour_is_as_github_describes_it_and_within_our_permissions(
    github: GitHub, shop: Repository, local: LocalGitHub
) -> None:
    """Every request is one that GitHub's description knows, and none needs a right that we do not ask for."""
    local.commit_file(SHOP, "opus/issue-1-7f3c9a", "fix.py", "y = 2\n", by="alice")
    local.label_issue(SHOP, 1, "assign-to-opus", by="alice")
    shop.permission("alice")
    shop.read_file("README.md")
    shop.issue(1)
    list(shop.open_issues("assign-to-opus"))
    shop.react(1, "eyes")
    comment = shop.ensure_comment(1, MARKER, f"{MARKER}\nhello")
    shop.react_to_comment(comment.id, "eyes")
    shop.ensure_pull_request("opus/issue-1-7f3c9a", "main", "Fix", "body")
    shop.ensure_check_run(shop.head_sha(), "7f3c9a", CHECK_NAME, check_output(STATES["coding"]))
    github.bot_user()
    list(github.installations())
    list(github.installation_repositories(local.installation_id))
    assert conformity.check_exchanges(local) > 15
    assert local.violations == []
