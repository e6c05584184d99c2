"""The pure parts: the table of moves, the comparison after a mend, suggestions out of a patch, reports out of a zip."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from jobs.kinds.fix_ci import archives
from jobs.kinds.fix_ci.comparing import Verdict, compare, pause
from jobs.kinds.fix_ci.deciding import Facts, Move, Place, decide
from jobs.kinds.fix_ci.suggesting import Suggestion, suggestions
from jobs.types import Cause, Mode

CODE, CONSERVATIVE, BALANCED, AGGRESSIVE = Cause.DETERMINISTIC, *Mode
TABLE: list[tuple[Cause, Place, Mode, dict[str, Any], Move]] = [
    (Cause.FLAKY, Place.OWN, AGGRESSIVE, {"agreed": True}, Move.TELL),
    (Cause.INFRASTRUCTURE, Place.DEFAULT, CONSERVATIVE, {}, Move.RERUN),
    (Cause.INFRASTRUCTURE, Place.DEFAULT, AGGRESSIVE, {"ran_again": True}, Move.TELL),
    (Cause.INFRASTRUCTURE, Place.DEFAULT, AGGRESSIVE, {"reruns": 2}, Move.TELL),
    (Cause.INFRASTRUCTURE, Place.DEFAULT, AGGRESSIVE, {"can_rerun": False, "agreed": True}, Move.TELL),
    (Cause.BASE_RED, Place.OWN, CONSERVATIVE, {}, Move.MEND_BASE),
    (Cause.BASE_RED, Place.OTHER, AGGRESSIVE, {"base_is_ours": False}, Move.TELL),
    (CODE, Place.FORK, AGGRESSIVE, {"agreed": True, "simple": True}, Move.TELL),
    (Cause.INFRASTRUCTURE, Place.FORK, AGGRESSIVE, {}, Move.TELL),
    (CODE, Place.OWN, BALANCED, {"doubtful": True}, Move.RERUN),
    (CODE, Place.OWN, BALANCED, {"doubtful": True, "ran_again": True}, Move.MEND),
    (CODE, Place.DEFAULT, CONSERVATIVE, {"simple": True}, Move.ASK),
    (CODE, Place.DEFAULT, CONSERVATIVE, {"agreed": True}, Move.MEND),
    (CODE, Place.OWN, CONSERVATIVE, {"simple": True}, Move.ASK),
    (CODE, Place.OWN, BALANCED, {}, Move.MEND),
    (CODE, Place.DEFAULT, BALANCED, {"simple": True}, Move.MEND),
    (CODE, Place.DEFAULT, BALANCED, {}, Move.ASK),
    (CODE, Place.DEFAULT, AGGRESSIVE, {}, Move.MEND),
    (CODE, Place.OTHER, CONSERVATIVE, {"simple": True}, Move.TELL),
    (CODE, Place.OTHER, CONSERVATIVE, {"agreed": True}, Move.SUGGEST),
    (CODE, Place.OTHER, BALANCED, {"simple": True}, Move.SUGGEST),
    (CODE, Place.OTHER, BALANCED, {}, Move.ASK),
    (CODE, Place.OTHER, BALANCED, {"agreed": True}, Move.SUGGEST),
    (CODE, Place.OTHER, AGGRESSIVE, {}, Move.MEND),
    (CODE, Place.OWN, AGGRESSIVE, {"mends": 2}, Move.STOP),
    (CODE, Place.OWN, AGGRESSIVE, {"mends": 2, "agreed": True}, Move.STOP),
    (Cause.UNKNOWN, Place.OWN, AGGRESSIVE, {"told": False}, Move.TELL),
    (Cause.UNKNOWN, Place.DEFAULT, BALANCED, {}, Move.ASK),
]


@pytest.mark.parametrize(("cause", "place", "mode", "more", "move"), TABLE)
def test_the_table_of_moves(cause: Cause, place: Place, mode: Mode, more: dict[str, Any], move: Move) -> None:
    """Each row says what is done, and no row pushes to a branch that is not ours."""
    assert decide(Facts(cause, place, mode, **more)) is move


def test_ci_is_compared_with_what_was_red_before() -> None:
    """The same, fewer, others, or worse: more of them, or something red that was green."""
    before = {"a", "b"}
    assert compare(before, {"a", "b"}, newly_red=False) is Verdict.SAME
    assert compare(before, {"a"}, newly_red=False) is Verdict.FEWER
    assert compare(before, {"c"}, newly_red=False) is Verdict.OTHER
    assert compare(before, {"a", "b", "c"}, newly_red=False) is Verdict.WORSE
    assert compare(before, {"a"}, newly_red=True) is Verdict.WORSE
    assert (pause(0), pause(600), pause(90_000)) == (60, 300, 900)


DIFF = """diff --git a/till.py b/till.py
index 1..2 100644
--- a/till.py
+++ b/till.py
@@ -1,3 +1,3 @@
 one
-two
+TWO
 three
@@ -10,2 +10,3 @@
 ten
+ten and a half
 eleven
"""


def test_a_small_patch_on_shown_lines_becomes_suggestions() -> None:
    """Replaced lines are replaced; what is added goes behind the line above."""
    made = suggestions(DIFF, {"till.py": [range(1, 12)]})
    assert made == (Suggestion("till.py", 2, 2, "TWO"), Suggestion("till.py", 10, 10, "ten\nten and a half"))
    assert made[0].body == "```suggestion\nTWO\n```"
    assert Suggestion("x", 1, 1, "```py").body.startswith("````suggestion\n")


@pytest.mark.parametrize(
    "diff",
    [
        DIFF.replace("index 1..2 100644", "new file mode 100644"),
        DIFF.replace("index 1..2 100644", "deleted file mode 100644"),
        DIFF.replace("a/till.py b/till.py", '"a/t\\303.py" "b/t\\303.py"'),
        DIFF + "\\ No newline at end of file\n",
        DIFF + "[cut at 40000 bytes]\n",
        DIFF.replace("+TWO\n", "".join(f"+{number}\n" for number in range(40))),
    ],
)
def test_what_no_suggestion_can_say_is_none(diff: str) -> None:
    """Then all of it is offered as a patch."""
    assert suggestions(diff, {"till.py": [range(1, 99)], "?": [range(1, 99)]}) == ()


def test_a_patch_outside_of_the_shown_lines_is_none() -> None:
    """One part outside is enough."""
    assert suggestions(DIFF, {"till.py": [range(1, 4)]}) == ()
    assert suggestions(DIFF, {}) == ()


def zipped(**files: bytes) -> bytes:
    """Return a zip file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in files.items():
            opened.writestr(name, data)
    return made.getvalue()


def test_reports_are_read_out_of_an_archive_and_nothing_else() -> None:
    """Other XML, other files, and what is no archive are left out."""
    report = b'<?xml version="1.0"?>\n<testsuites><testsuite/></testsuites>'
    archive = zipped(**{"a/junit.xml": report, "pom.xml": b"<project/>", "log.txt": b"<testsuite>"})
    assert list(archives.reports(archive)) == [report]
    assert list(archives.reports(b"PK\x03\x04 nonsense")) == []
    assert list(archives.reports(archive[:-30])) == []


def test_bombs_are_not_unpacked() -> None:
    """What is packed too tightly, is too large, or claims less than it holds is left out."""
    bomb = zipped(**{"junit.xml": b"<testsuite>" + b" " * 4_000_000})
    assert list(archives.reports(bomb)) == []
    honest = zipped(**{"junit.xml": b"<testsuite>" + bytes(range(65, 90)) * 20})
    lying = honest.replace((20 * 25 + 11).to_bytes(4, "little"), (12).to_bytes(4, "little"))
    assert all(len(report) <= 12 for report in archives.reports(lying))
    assert list(archives.reports(b"x" * (archives.ARCHIVE_LIMIT + 1))) == []
