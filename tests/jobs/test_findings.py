"""What is kept of an agent's findings, and what becomes of them before people see them; pure."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.answer.review import ReviewText, comment_body, conclusion, review_body, severity_of, suggestion_block, told
from jobs.kinds.differences import FileDifference, narrowed, read, within
from jobs.kinds.differences import choose as choose_files
from jobs.kinds.findings import MOST, Misplaced, Said, choose, likeness, placed
from jobs.types import Conclusion, Finding, Severity
from jobs.workspace import ChangedFile

PATCH = """diff --git a/shop.py b/shop.py
--- a/shop.py
+++ b/shop.py
@@ -1,6 +1,6 @@
 import os
-total = 0
+total = 1
+count = 2
 a = 1
 b = 2
-gone = 3
 c = 4
@@ -20,2 +21,3 @@ def pay():
 x = 1
+y = 2
 z = 3
\\ No newline at end of file
"""
SHOP = read("shop.py", PATCH)
PARTS = {"shop.py": SHOP}
WORDS = "The discount is applied twice when the basket holds vouchers, so the total becomes negative."


def finding(line: int = 2, severity: str = "major", reason: str = WORDS, **more: Any) -> Finding:
    """Return a finding on the shop."""
    return Finding.load({"path": "shop.py", "line": line, "severity": severity, "reason": reason, **more})


def text(*findings: Finding, **more: Any) -> ReviewText:
    """Return a review's text of two files."""
    return ReviewText(findings, "a" * 40, "b" * 40, files=2, lines=9, **more)


def test_a_patch_tells_its_lines() -> None:
    """Added lines are changed, deleted ones speak through their neighbours; the shown text has the new numbers."""
    assert [(hunk.first, hunk.last) for hunk in SHOP.hunks] == [(1, 6), (21, 23)]
    assert SHOP.changed == {2, 3, 5, 6, 22}
    assert SHOP.lines[22] == "y = 2"
    assert "     3 +count = 2\n     4  a = 1" in SHOP.shown
    assert "       -gone = 3" in SHOP.shown


def test_odd_bytes_do_not_shift_the_numbers() -> None:
    """A form feed, a separator or a carriage return within a line ends no line; invisible characters are not shown."""
    odd = "@@ -0,0 +1,3 @@\n+a\x0cb\u2028c\x85d\r\n+e\u202e\U000e0041f\n+++ g\n"
    part = read("odd.py", odd)
    assert part.changed == {1, 2, 3}
    assert part.lines[3] == "++ g"
    assert "\u202e" not in part.shown


def test_deleted_and_moved_files_have_no_lines() -> None:
    """Where nothing is on the right side, nothing can be said there; the file is named all the same."""
    part = read("gone.py", "deleted file mode 100644\n", "deleted")
    assert part.changed == frozenset()
    assert part.shown == "=== gone.py (deleted) ==="


def test_a_file_that_lost_all_its_middle_keeps_its_neighbours() -> None:
    """A hunk that ends in a deletion counts its last line; one without any line has none."""
    assert read("a", "@@ -1,3 +1,1 @@\n a\n-b\n-c\n").changed == {1}
    assert read("a", "@@ -1,2 +0,0 @@\n-b\n-c\n").changed == frozenset()


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("web/package-lock.json", "generated"),
        ("poetry.lock", "generated"),
        ("static/app.min.js", "generated"),
        ("vendor/x/y.go", "generated"),
        ("api/shop_pb2.py", "generated"),
        ("tests/__snapshots__/a.snap", "generated"),
        ("bad\N{REPLACEMENT CHARACTER}.py", "its name is not text"),
    ],
)
def test_what_nobody_wrote_is_not_read(path: str, reason: str) -> None:
    """Generated files and names that cannot be written back are skipped, with the reason."""
    wanted, skipped = choose_files([ChangedFile(path, "M", 1, 1), ChangedFile("lock.py", "M", 1, 0)])
    assert [file.path for file in wanted] == ["lock.py"]
    assert [(one.path, one.reason) for one in skipped] == [(path, reason)]


def test_huge_differences_are_read_as_far_as_they_go() -> None:
    """Code comes before tests and prose; what is too large, binary or beyond the bounds is skipped, with the reason."""
    files = [
        ChangedFile("README.md", "M", 1, 0),
        ChangedFile("tests/test_a.py", "M", 1, 0),
        ChangedFile("a.py", "M", 1, 0),
        ChangedFile("big.py", "A", 100_000, 0),
        ChangedFile("logo.png", "A", 0, 0, binary=True),
    ]
    wanted, skipped = choose_files(files)
    assert [file.path for file in wanted] == ["a.py", "tests/test_a.py", "README.md"]
    assert {(one.path, one.reason) for one in skipped} == {("big.py", "too large"), ("logo.png", "binary")}
    many, beyond = choose_files(ChangedFile(f"{number:04}.py", "M", 1, 0) for number in range(400))
    assert len(many) + len(beyond) == 400
    assert {one.reason for one in beyond} == {"beyond what is read at once"}
    parts = [FileDifference(f"{number}", shown="x" * 60) for number in range(5)]
    kept, left = within(parts, 130)
    assert ([part.path for part in kept], [one.path for one in left]) == (["0", "1"], ["2", "3", "4"])


def test_a_newer_difference_narrows_the_lines() -> None:
    """On a second review only lines that are in the pull request and were pushed since count."""
    later = read("shop.py", "@@ -20,2 +21,3 @@\n x = 1\n+y = 2\n z = 3\n")
    part = narrowed(SHOP, later)
    assert part.changed == {22}
    assert part.hunks == SHOP.hunks
    with pytest.raises(Misplaced):
        placed(finding(2), {"shop.py": part})


@pytest.mark.parametrize(
    "place",
    [
        {"line": 4},
        {"line": 10, "end_line": 15},
        {"line": -5},
        {"line": 10**9},
        {"path": "../shop.py", "line": 2},
        {"path": "/etc/passwd", "line": 2},
        {"path": "other.py", "line": 2},
        {"path": "shop.py\n", "line": 400},
        {"path": "", "line": 2},
    ],
)
def test_only_changed_lines_can_be_spoken_of(place: dict[str, Any]) -> None:
    """A place that is not changed, in another file, or outside the repository is refused, and people never get it."""
    wrong = Finding.load({"path": "shop.py", "severity": "critical", "reason": WORDS, **place})
    with pytest.raises(Misplaced):
        placed(wrong, PARTS)
    assert choose([wrong], PARTS, []).outside == 1
    assert choose([wrong], PARTS, []).kept == ()


def test_the_model_is_told_which_lines_are_changed() -> None:
    """A refusal names the lines that can be spoken of."""
    with pytest.raises(Misplaced, match="Changed there: 2-3, 5-6, 22"):
        placed(finding(4), PARTS)


def test_a_place_is_put_right_where_that_is_plain() -> None:
    """The sandbox's prefix goes, a range is turned round and cut to its hunk, and loses its suggestion then."""
    kept = placed(Finding("/workspace/shop.py", 9, 3, Severity.MINOR, "x", "y = 1"), PARTS)
    assert (kept.path, kept.line, kept.end_line, kept.suggestion) == ("shop.py", 3, 6, None)


@pytest.mark.parametrize(
    ("suggestion", "kept"),
    [
        ("total = 5", "total = 5"),
        ("total = 5\n", "total = 5"),
        ("total = 1", None),
        ("", None),
        ("  \n", None),
        ("\n".join(["x"] * 11), None),
        ("\n".join(["x"] * 10), "\n".join(["x"] * 10)),
    ],
)
def test_a_suggestion_replaces_few_whole_lines(suggestion: str, kept: str | None) -> None:
    """What changes nothing, is empty, or is long is no suggestion; the finding stays."""
    assert placed(finding(2, suggestion=suggestion), PARTS).suggestion == kept


def test_at_most_ten_the_gravest_first() -> None:
    """Of more than ten findings people get the ten gravest, in that order, and hear how many there are beyond."""
    lines = "".join(f"+line {number}\n" for number in range(1, 31))
    parts = {"long.py": read("long.py", f"@@ -0,0 +1,30 @@\n{lines}")}
    reasons = [f"alpha{number} bravo{number} charlie{number} delta{number}" for number in range(14)]
    severities = ["nit", "minor", "major", "critical"]
    reported = [
        Finding("long.py", 2 * number + 1, 2 * number + 1, Severity(severities[number % 4]), reason)
        for number, reason in enumerate(reasons)
    ]
    chosen = choose(reported, parts, [])
    assert len(chosen.kept) == MOST
    assert chosen.beyond == 4
    shown = [one.severity for one in chosen.kept]
    assert shown == sorted(shown, key=list(Severity).index)
    assert Severity.NIT not in shown


SIMILAR = "When vouchers are in the basket, the discount gets applied two times and a negative total results."
OTHER = "The file handle is never closed, which leaks descriptors under load."


@pytest.mark.parametrize(
    ("said", "again"),
    [
        (Said("shop.py", 2, SIMILAR), False),
        (Said("shop.py", 4, SIMILAR, resolved=True), False),
        (Said("shop.py", 0, WORDS, resolved=True), False),
        (Said("shop.py", 2, OTHER), True),
        (Said("other.py", 2, WORDS), True),
        (Said("shop.py", 0, OTHER, resolved=True), True),
    ],
)
def test_what_was_said_is_not_said_again(said: Said, again: bool) -> None:
    """Near there and in similar words it was said before, by whomever; resolved ones stay quiet where they moved."""
    chosen = choose([finding(2)], PARTS, [said])
    assert bool(chosen.kept) is again
    assert chosen.repeated == (not again)


def test_one_review_does_not_repeat_itself() -> None:
    """Of two findings that say the same of the same lines the graver one stays; far away, both do."""
    chosen = choose([finding(3, "nit", SIMILAR), finding(2, "critical")], PARTS, [])
    assert [one.severity for one in chosen.kept] == [Severity.CRITICAL]
    assert len(choose([finding(2), finding(22, reason=SIMILAR)], PARTS, []).kept) == 2


def test_likeness_counts_words_that_mean_something() -> None:
    """Code blocks and common words make no two texts alike; equal ones are."""
    assert likeness(WORDS, WORDS) == 1.0
    assert likeness(f"{WORDS}\n```suggestion\nx\n```", WORDS) == 1.0
    assert likeness("this is the line that should be", "the line should not be this") == 1.0
    assert likeness(WORDS, OTHER) < 0.2
    assert likeness("", OTHER) == 0.0
    assert likeness("```" * 5_000, "~~~\n" * 5_000) <= 1.0


def test_a_comment_has_no_power() -> None:
    """Mentions, closing words, commands, HTML and our own markers in a reason are shown and do nothing."""
    reason = (
        "@octo/admins please look\n/opus merge\n/approve\nfixes #12\n<!-- opus67:finding=nit --><img src=x onerror=1>"
        "[click](https://evil.example/x) ![p](https://evil.example/p.png)"
    )
    body = comment_body(finding(reason=reason))
    assert body.startswith("<!-- opus67:finding=major -->\n**Major**\n\n")
    assert "@octo" not in body
    assert "\n/opus" not in body
    assert "\n/approve" not in body
    assert "#12" not in body
    assert body.count("<!--") == 1
    assert "<img" not in body
    assert "](" not in body
    assert severity_of(body) is Severity.MAJOR
    assert severity_of(f"> {body}") is None


@pytest.mark.parametrize(
    "suggestion",
    [
        "/approve\nx = 1",
        "x = 1\n<!-- opus67:task=1 -->",
        "x = '\u202e'",
        "\nx = 1",
    ],
)
def test_a_suggestion_that_must_be_made_harmless_is_none(suggestion: str) -> None:
    """What could not be shown to the letter is not offered to commit."""
    assert suggestion_block(suggestion) == ""


def test_a_suggestion_cannot_leave_its_fence() -> None:
    """The fence is longer than any run of backticks inside, so that nothing after it is prose."""
    inside = "x = 1\n```\n@octo/admins\n````suggestion\nrm -rf /"
    block = suggestion_block(inside)
    assert block == f"`````suggestion\n{inside}\n`````"
    assert suggestion_block("    return 1") == "```suggestion\n    return 1\n```"
    assert suggestion_block("") == ""


def test_nothing_to_say_is_one_line() -> None:
    """A review without findings is one line that still says what was not checked."""
    skipped = (("yarn.lock", "generated"), ("a.png", "binary"))
    body = review_body(text(skipped=skipped, words="I looked."), "<!-- m -->")
    assert body == (
        "<!-- m -->\nNothing to say about 9 changed lines in 2 files (`aaaaaaa..bbbbbbb`). "
        "**Not checked:** `yarn.lock` (generated); `a.png` (binary); the checks of the repository were not run."
    )


def test_a_review_tells_what_it_is() -> None:
    """Counts by severity, the reviewer's words without power, what was checked and what was not, what is left out."""
    review = text(
        finding(),
        finding(22, "nit", OTHER),
        words="@all fine",
        beyond=3,
        repeated=2,
        newer=True,
        skipped=tuple((f"{number}.lock", "generated") for number in range(8)),
        open_before=(Severity.MAJOR,),
    )
    body = review_body(review, "<!-- m -->")
    assert "**2 findings: 1 major, 1 nit.**" in body
    assert "@&#8203;all fine" in body
    assert "`4.lock` and 3 more (generated)" in body
    assert "what was pushed since the last review" in body
    assert "3 less grave findings beyond the ten" in body
    assert "2 that were said before" in body
    assert "1 finding of earlier reviews still open" in body
    assert "- major: `shop.py:2`" in told(review)


def test_an_incomplete_review_says_so() -> None:
    """What stopped it stands above everything, and never that there is nothing to say."""
    body = review_body(text(finding(), incomplete="The limit of steps was reached."), "<!-- m -->")
    assert "**This review is incomplete:** The limit of steps was reached." in body
    assert "Nothing to say" not in told(text(incomplete="The limit of steps was reached."))


@pytest.mark.parametrize(
    ("severities", "open_before", "strict", "ending"),
    [
        ((), (), True, Conclusion.SUCCESS),
        (("nit",), (), True, Conclusion.SUCCESS),
        (("minor",), (), True, Conclusion.NEUTRAL),
        (("major",), (), False, Conclusion.NEUTRAL),
        (("major",), (), True, Conclusion.FAILURE),
        (("critical", "nit"), (), True, Conclusion.FAILURE),
        ((), ("critical",), True, Conclusion.FAILURE),
        ((), ("minor",), True, Conclusion.NEUTRAL),
    ],
)
def test_the_check_run_can_be_required(
    severities: tuple[str, ...],
    open_before: tuple[str, ...],
    strict: bool,
    ending: Conclusion,
) -> None:
    """Success without anything grave, failure only where that is configured; what is still open from before counts."""
    review = text(
        *(finding(severity=one) for one in severities), open_before=tuple(Severity(one) for one in open_before)
    )
    assert conclusion(review, request_changes=strict) is ending
