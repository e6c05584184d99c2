"""Reviews and their threads are read whole, answered and resolved once, and written so that no remark is lost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from jobs.github import GitHub, GitHubRefused, LineRemark
from jobs.github.patches import DiffLines, read_patch
from jobs.testing.github import LineComment
from jobs.types import GitHubUnavailable
from tests.github.conftest import SHOP, unheard
from tests.testing import conformity

if TYPE_CHECKING:
    from jobs.github import PullRequest, Repository, Thread
    from jobs.testing.github import LocalGitHub

BRANCH = "opus/issue-1-7f3c9a"
MARKER = "<!-- opus67:task=7f3c9a -->"
BODY = f"{MARKER}\nDone in abc123"
LINES = "".join(f"line {number}\n" for number in range(1, 41))


@pytest.fixture
def pull(shop: Repository, local: LocalGitHub) -> PullRequest:
    """Return a draft of the bot's that changes lines 5 and 30 of a file of 40 and adds one of three."""
    local.commit_file(SHOP, "main", "long.txt", LINES, by="alice")
    changed = LINES.replace("line 5\n", "five\n").replace("line 30\n", "thirty\n")
    local.commit_file(SHOP, BRANCH, "long.txt", changed, by="alice")
    local.commit_file(SHOP, BRANCH, "new.py", "a = 1\nb = 2\nc = 3\n", by="alice")
    return shop.ensure_pull_request(BRANCH, "main", "Fix", "Fixes #1")


@pytest.fixture
def thread(shop: Repository, local: LocalGitHub, pull: PullRequest) -> Thread:
    """Return a thread that alice began on two lines."""
    comment = LineComment("new.py", 2, "Why two?", start_line=1)
    local.review(SHOP, pull.number, "CHANGES_REQUESTED", "See below", [comment], by="alice")
    (found,) = shop.review_threads(pull.number)
    return found


def test_a_review_is_read_as_it_stands(shop: Repository, local: LocalGitHub, pull: PullRequest, github: GitHub) -> None:
    """Who, as what, at which commit, when; bots and we are told apart; one that is gone is a refusal."""
    made = local.review(SHOP, pull.number, "CHANGES_REQUESTED", "No", by="alice")
    local.add_user("other[bot]", "Bot")
    local.review(SHOP, pull.number, "COMMENTED", "Hm", by="other[bot]")
    ours = shop.ensure_review(pull.number, pull.head, MARKER, f"{MARKER}\nFine", "COMMENT")
    review = shop.submitted_review(pull.number, made.id)
    assert (review.author, review.author_id) == ("alice", str(made.author.id))
    assert (review.state, review.body, review.commit) == ("CHANGES_REQUESTED", "No", pull.head)
    assert (review.is_bot, review.ours) == (False, False)
    assert abs(review.submitted_at - time.time()) < 60
    found = shop.reviews_of(pull.number)
    assert [(one.author, one.is_bot, one.ours) for one in found] == [
        ("alice", False, False),
        ("other[bot]", True, False),
        (github.bot_user()[0], True, True),
    ]
    assert found[-1].id == ours
    local.dismiss_review(SHOP, pull.number, made.id, by="alice")
    assert shop.submitted_review(pull.number, made.id).state == "DISMISSED"
    with pytest.raises(GitHubRefused) as caught:
        shop.submitted_review(pull.number, 1)
    assert caught.value.status == 404


def test_a_thread_comes_with_its_comments(
    shop: Repository, local: LocalGitHub, pull: PullRequest, thread: Thread
) -> None:
    """Where it is, whether it is settled, and who said what; a bot's login is the one that REST tells."""
    assert (thread.path, thread.line, thread.start_line, thread.side) == ("new.py", 2, 1, "RIGHT")
    assert (thread.resolved, thread.outdated) == (False, False)
    first = thread.comments[0]
    local.add_user("other[bot]", "Bot")
    local.reply_in_thread(SHOP, first.id, "Me too", by="other[bot]")
    now = shop.review_thread(thread.id)
    assert [(one.author, one.is_bot, one.ours, one.association) for one in now.comments] == [
        ("alice", False, False, "COLLABORATOR"),
        ("other[bot]", True, False, "NONE"),
    ]
    assert first.review == local.reviews(SHOP, pull.number)[0].id
    assert first.author_id == str(local.reviews(SHOP, pull.number)[0].author.id)
    assert first.url == f"{pull.url}#discussion_r{first.id}"
    assert abs(first.at - time.time()) < 60


def test_a_push_that_changes_its_lines_makes_a_thread_outdated(
    shop: Repository, local: LocalGitHub, pull: PullRequest, thread: Thread
) -> None:
    """Lines above move it; a change of its lines leaves it without a line, and its first one is still known."""
    local.commit_file(SHOP, BRANCH, "new.py", "# new\na = 1\nb = 2\nc = 3\n", by="alice")
    moved = shop.review_thread(thread.id)
    assert (moved.line, moved.start_line, moved.outdated) == (3, 2, False)
    local.commit_file(SHOP, BRANCH, "new.py", "# new\na = 1\nb = 20\nc = 3\n", by="alice")
    (changed,) = shop.review_threads(pull.number)
    assert (changed.line, changed.start_line, changed.outdated, changed.original_line) == (0, 0, True, 2)


def test_all_threads_are_read_and_all_comments_of_each(shop: Repository, local: LocalGitHub, pull: PullRequest) -> None:
    """More threads than a page holds, one of which has more comments than a page."""
    remarks = [LineComment("new.py", 1 + number % 3, f"thread {number}") for number in range(120)]
    local.review(SHOP, pull.number, "COMMENTED", "", remarks, by="alice")
    first = local.threads(SHOP, pull.number)[110].comments[0]
    for number in range(160):
        local.reply_in_thread(SHOP, first.id, f"answer {number}", by="bob")
    threads = shop.review_threads(pull.number)
    assert [one.comments[0].body for one in threads] == [f"thread {number}" for number in range(120)]
    assert [one.body for one in threads[110].comments][1:] == [f"answer {number}" for number in range(160)]
    assert conformity.check_exchanges(local) > 0
    assert local.violations == []


def test_a_lost_answer_leads_to_one_reply(
    shop: Repository, local: LocalGitHub, pull: PullRequest, thread: Thread
) -> None:
    """The answer is found again by its marker, brought up to date, and somebody else's marker is not ours."""
    local.reply_in_thread(SHOP, thread.comments[0].id, f"{MARKER} forged", by="bob")
    local.faults.add("POST", r"/replies$", status=502, after=True)
    with pytest.raises(GitHubUnavailable):
        shop.ensure_reply(pull.number, thread, MARKER, BODY)
    made = shop.ensure_reply(pull.number, thread, MARKER, BODY)
    assert shop.ensure_reply(pull.number, thread, MARKER, f"{BODY}!").id == made.id
    now = shop.review_thread(thread.id)
    assert [one.body for one in now.comments if one.ours] == [f"{BODY}!"]
    assert len(now.comments) == 3


@pytest.mark.parametrize("after", [True, False])
def test_a_thread_is_resolved_whatever_happens_to_the_answer(
    after: bool, shop: Repository, local: LocalGitHub, pull: PullRequest, thread: Thread
) -> None:
    """What was done already is a success; what was not done is told."""
    local.faults.add("POST", "/graphql", drop=True, after=after)
    if after:
        shop.resolve(thread.id)
    else:
        with pytest.raises(GitHubUnavailable):
            shop.resolve(thread.id)
        shop.resolve(thread.id)
    shop.resolve(thread.id)
    assert shop.review_thread(thread.id).resolved is True
    local.unresolve_thread(SHOP, thread.comments[0].id, by="alice")
    assert shop.review_threads(pull.number)[0].resolved is False
    with pytest.raises(GitHubRefused) as caught:
        shop.resolve("PRRT_0")
    assert caught.value.status == 404


def test_reading_threads_is_tried_again(shop: Repository, local: LocalGitHub, thread: Thread) -> None:
    """A query changes nothing, so that a bad moment of GitHub's is passed over; a mutation is made once."""
    local.faults.add("POST", "/graphql", status=502)
    assert shop.review_thread(thread.id) == thread


def test_an_installation_that_may_not_write_contents_resolves_nothing(local: LocalGitHub, thread: Thread) -> None:
    """GitHub wants contents:write for this; the refusal is told."""
    installation = next(iter(local.world.installations.values()))
    installation.permissions["contents"] = "read"
    client = GitHub(local.api_url, local.server_url, local.app_id, local.private_key_pem, witness=unheard)
    with pytest.raises(GitHubRefused) as caught:
        client.repository(SHOP, local.installation_id).resolve(thread.id)
    assert caught.value.status == 403
    client.close()


def test_a_review_is_written_once_with_its_remarks(shop: Repository, local: LocalGitHub, pull: PullRequest) -> None:
    """A lost answer leads to one review, at the commit, with each remark on its lines."""
    remarks = [LineRemark("new.py", 3, "Too many", start_line=1), LineRemark("long.txt", 5, "Odd", side="LEFT")]
    local.faults.add("POST", r"/reviews$", drop=True, after=True)
    with pytest.raises(GitHubUnavailable):
        shop.ensure_review(pull.number, pull.head, MARKER, BODY, "COMMENT", remarks)
    made = shop.ensure_review(pull.number, pull.head, MARKER, BODY, "COMMENT", remarks)
    (review,) = local.reviews(SHOP, pull.number)
    assert (review.id, review.state, review.commit_id, review.body) == (made, "COMMENTED", pull.head, BODY)
    threads = shop.review_threads(pull.number)
    assert [(one.path, one.start_line, one.line, one.side) for one in threads] == [
        ("new.py", 1, 3, "RIGHT"),
        ("long.txt", 0, 5, "LEFT"),
    ]
    assert conformity.check_exchanges(local) > 0


def test_remarks_that_have_no_line_are_said_in_the_text(
    shop: Repository, local: LocalGitHub, pull: PullRequest
) -> None:
    """One bad line does not lose the review: what fits stands at its line, the rest in the text."""
    remarks = [
        LineRemark("new.py", 2, "Fits"),
        LineRemark("long.txt", 15, "Not shown"),
        LineRemark("other.py", 1, "Not changed"),
        LineRemark("long.txt", 30, "From another part", start_line=5),
        LineRemark("long.txt", 20, "Not deleted", side="LEFT"),
    ]
    shop.ensure_review(pull.number, pull.head, MARKER, BODY, "COMMENT", remarks)
    (review,) = local.reviews(SHOP, pull.number)
    assert review.body.startswith(BODY)
    for words in ("**`long.txt:15`** Not shown", "**`other.py:1`** Not changed", "**`long.txt:20`** Not deleted"):
        assert words in review.body
    assert [(one.path, one.start_line, one.line) for one in shop.review_threads(pull.number)] == [
        ("new.py", 0, 2),
        ("long.txt", 0, 30),
    ]


def test_a_review_of_a_commit_that_is_gone_is_said_in_words(
    shop: Repository, local: LocalGitHub, pull: PullRequest
) -> None:
    """After a push by force the review is still written, with its remarks in the text."""
    local.force_push(SHOP, BRANCH, {"new.py": "z = 1\n"}, by="alice")
    remarks = [LineRemark("new.py", 1, "Here"), LineRemark("gone.py", 9, "x" * 70_000)]
    made = shop.ensure_review(pull.number, pull.head, MARKER, BODY, "COMMENT", remarks)
    review = shop.submitted_review(pull.number, made)
    assert "**`new.py:1`** Here" in review.body
    assert len(review.body) <= 65_536
    assert shop.review_threads(pull.number) == ()


def test_changes_on_our_own_pull_request_are_not_requested(
    shop: Repository, local: LocalGitHub, pull: PullRequest
) -> None:
    """GitHub refuses that, so it becomes a plain review; on somebody else's it is one that counts."""
    shop.ensure_review(pull.number, pull.head, MARKER, BODY, "REQUEST_CHANGES", [LineRemark("new.py", 1, "Here")])
    assert [one.state for one in local.reviews(SHOP, pull.number)] == ["COMMENTED"]
    assert len(shop.review_threads(pull.number)) == 1
    theirs = local.open_pull_request(SHOP, BRANCH, "Theirs", by="bob").number
    shop.ensure_review(theirs, pull.head, MARKER, BODY, "REQUEST_CHANGES")
    assert [one.state for one in local.reviews(SHOP, theirs)] == ["CHANGES_REQUESTED"]


def test_a_refusal_that_nothing_mends_is_told(shop: Repository, pull: PullRequest) -> None:
    """A review without words or remarks is refused once; one on a missing pull request too."""
    with pytest.raises(GitHubRefused) as caught:
        shop.ensure_review(pull.number, pull.head, MARKER, "", "COMMENT")
    assert caught.value.status == 422
    with pytest.raises(GitHubRefused) as caught:
        shop.ensure_review(1, pull.head, MARKER, BODY, "COMMENT")
    assert caught.value.status == 404


def test_changed_lines_are_those_of_the_new_files(shop: Repository, local: LocalGitHub, pull: PullRequest) -> None:
    """By path; a file that is binary is there without lines."""
    local.commit_file(SHOP, BRANCH, "blob.bin", bytes(range(256)), by="alice")
    local.commit_file(SHOP, BRANCH, "README.md", None, by="alice")
    assert shop.changed_lines(pull.number) == {
        "long.txt": (range(5, 6), range(30, 31)),
        "new.py": (range(1, 4),),
        "blob.bin": (),
        "README.md": (),
    }
    lines = shop.diff_lines(pull.number)["long.txt"]
    assert lines.shown == (range(2, 9), range(27, 34))
    assert lines.deleted == (range(5, 6), range(30, 31))


def test_patches_are_read_as_far_as_they_go() -> None:
    """What looks like a header is content, a form feed ends no line, a cut patch and none at all are no errors."""
    patch = "@@ -1,3 +1,4 @@ def x\n a\n-@@ -9 +9 @@\n+b\x0cc\n+@@ -7,7 +7,7 @@\n d\n\\ No newline at end of file"
    assert read_patch(patch) == DiffLines((range(2, 4),), (range(1, 5),), (range(2, 3),))
    assert read_patch(patch[:24]) == DiffLines((), (range(1, 2),), ())
    assert read_patch("") == read_patch("nonsense\n+x") == DiffLines()
    assert read_patch("@@ -0,0 +1 @@\n+x").changed == (range(1, 2),)


def test_a_reaction_is_put_on_a_comment_on_lines(shop: Repository, local: LocalGitHub, thread: Thread) -> None:
    """Once, and on the comment in the thread."""
    shop.react_to_line_comment(thread.comments[0].id, "eyes")
    shop.react_to_line_comment(thread.comments[0].id, "eyes")
    reactions = local.threads(SHOP, 2)[0].comments[0].reactions
    assert [one.content for one in reactions] == ["eyes"]


def test_a_pull_request_from_a_fork_tells_where_its_branch_is(shop: Repository, local: LocalGitHub) -> None:
    """Its head is in another repository, which our installation has no right to."""
    fork = local.fork(SHOP, by="bob")
    local.commit_file(fork, "patch-1", "new.py", "a = 1\n", by="bob")
    number = local.open_pull_request(SHOP, "patch-1", "Mine", by="bob", fork=fork).number
    state = shop.pull_request(number)
    assert (state.head_repository, state.branch, state.author) == ("bob/shop", "patch-1", "bob")
    assert shop.find_pull_request("patch-1") is None
    head = shop.pull_request(number).head
    shop.ensure_review(number, head, MARKER, BODY, "COMMENT", [LineRemark("new.py", 1, "Here")])
    local.commit_file(fork, "patch-1", "new.py", "a = 2\n", by="bob")
    assert shop.pull_request(number).head != head
    assert shop.review_threads(number)[0].outdated is True


def test_a_whole_tour_of_reviews_is_as_github_describes_it_and_within_our_permissions(
    shop: Repository, local: LocalGitHub, pull: PullRequest, thread: Thread
) -> None:
    """Every request is one that GitHub's descriptions know, and none needs a right that we do not ask for."""
    shop.ensure_review(pull.number, pull.head, MARKER, BODY, "COMMENT", [LineRemark("new.py", 1, "Here")])
    shop.ensure_reply(pull.number, thread, MARKER, BODY)
    shop.ensure_reply(pull.number, thread, MARKER, f"{BODY}!")
    shop.resolve(thread.id)
    shop.react_to_line_comment(thread.comments[0].id, "rocket")
    shop.changed_lines(pull.number)
    shop.submitted_review(pull.number, shop.reviews_of(pull.number)[0].id)
    assert conformity.check_exchanges(local) > 8
    assert local.violations == []
