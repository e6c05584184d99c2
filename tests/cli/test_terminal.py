"""What a terminal shows: answers and progress as plain lines that nobody's text can switch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.shell import progress
from bot.shell.exits import Exit
from bot.shell.place import repository_here, repository_of
from bot.shell.rendering import columns, cut, for_shell, render
from jobs.answer.parts import Answer, Diff, Link, Listing, Quote, Say, refused
from tests.cli.states import DONE, FAILED, PLAN, QUESTION, QUEUED, WORKING

if TYPE_CHECKING:
    from pathlib import Path

TEXT = st.text(max_size=40) | st.sampled_from(
    ["\x1b[2J", "\x1b]8;;http://x\x07y", "\r", "\b\b", "漢字", "e\u0301", "\u202e"]
)
PARTS = st.one_of(
    TEXT.map(Say),
    st.builds(Quote, TEXT, TEXT),
    st.builds(lambda rows: Listing(("a", "b"), tuple(rows)), st.lists(st.tuples(TEXT, TEXT), max_size=4)),
    TEXT.map(Diff),
    st.builds(Link, TEXT, TEXT),
)


def test_an_answer_reads_like_a_letter() -> None:
    """Sentences, a quotation, a table, a link, a diff: each as people know it."""
    answer = Answer(
        (
            Say("Task `7f3c9a` is paused. `/opus resume` goes on."),
            Quote("Which one?\nA or B", "It asks"),
            Listing(("task", "what"), (("7f3c9a", "Add a flag"), ("81", "漢字"))),
            Diff("--- a\n+++ b\n-old\n+new\n"),
            Link("Pull request", "https://github.com/octo/shop/pull/3"),
        ),
        task_id="7f3c9a",
    )
    assert render(answer) == (
        "Task `7f3c9a` is paused. `opus67 resume 7f3c9a` goes on.\n\n"
        "It asks\n│ Which one?\n│ A or B\n\n"
        "task    what\n7f3c9a  Add a flag\n81      漢字\n\n"
        "--- a\n+++ b\n-old\n+new\n\n"
        "Pull request: https://github.com/octo/shop/pull/3"
    )
    coloured = render(answer, colour=True)
    assert "\x1b[32m+new\x1b[0m" in coloured
    assert "\x1b[1mtask    what\x1b[0m" in coloured


def test_an_empty_answer_is_a_nod() -> None:
    """Without parts there are still words."""
    assert render(Answer()) == "Done."
    assert render(refused("No. `/opus help` says more.")) == "No. `opus67 help` says more."


@pytest.mark.parametrize(
    ("ours", "typed"),
    [
        ("`/opus bg <task>` starts", "`opus67 bg <task>` starts"),
        ("`/opus ask where are the sessions stored?`", '`opus67 ask "where are the sessions stored?"`'),
        ("`/opus bg add a --json flag`", '`opus67 bg "add a --json flag"`'),
        ('`/opus answer 7f3c9a say "hi" for $1`', '`opus67 answer 7f3c9a "say \\"hi\\" for \\$1"`'),
        ("`/opus retry` or /opus help", "`opus67 retry 81aa00` or opus67 help"),
        ("`/opus bg status` lists", "`opus67 bg status` lists"),
        ("see https://x/opus /opuses", "see https://x/opus /opuses"),
    ],
)
def test_commands_are_shown_as_they_are_typed_here(ours: str, typed: str) -> None:
    """With this program's name, quotes where a shell needs them, and the task that is talked of."""
    assert for_shell(ours, "81aa00") == typed


@given(st.lists(PARTS, max_size=5).map(lambda parts: Answer(tuple(parts))))
def test_no_text_can_switch_the_terminal(answer: Answer) -> None:
    """No control character but the ends of lines comes through, whatever is in an answer."""
    shown = render(answer)
    assert not {character for character in shown if character != "\n" and (character < " " or character == "\x7f")}
    assert "\u202e" not in shown


@given(st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=5), st.integers(40, 120))
def test_a_table_fits_the_terminal(rows: list[tuple[str, ...]], width: int) -> None:
    """Whatever stands in it, no line of a table is wider than the terminal."""
    shown = render(Answer((Listing(("a", "b", "c"), tuple(rows)),)), width=width)
    assert all(columns(line) <= width for line in shown.split("\n"))


def test_wide_letters_count_twice() -> None:
    """A line is cut at the columns that it takes, not at its letters."""
    assert (columns("漢字"), columns("e\u0301"), columns("✅")) == (4, 1, 2)
    assert cut("漢字漢字", 6) == "漢字…"
    assert cut("short", 5) == "short"


def test_progress_is_a_few_lines() -> None:
    """State, title, plan with ticks, figures; a long plan keeps what is worked on in sight."""
    lines = progress.block(WORKING, 80, 24)
    assert lines == [
        "🛠️ Working on it · octo/shop · task 7f3c9a · coding",
        "  Add a flag",
        "  ✓ Read",
        "  ▸ Write",
        "  · Test",
        "  33 % · $0.12 of $5.00 · 1 min 05 s",
    ]
    long = {**WORKING, "plan": [{"text": str(n), "state": "done" if n < 50 else "pending"} for n in range(99)]}
    shown = progress.block(long, 80, 10)
    assert len(shown) <= 10
    assert "  · 50" in shown
    assert progress.block(QUEUED, 80, 24)[0].endswith("· 2 tasks before it")


def test_news_tells_only_what_is_new() -> None:
    """A line for a new state and for each item that began or was done; nothing when only time has passed."""
    assert progress.news(None, QUEUED) == ["🕒 Queued · octo/shop · task 7f3c9a · 2 tasks before it"]
    assert progress.news(QUEUED, WORKING)[1:] == ["  ✓ Read", "  ▸ Write"]
    later = {**WORKING, "seconds": 99.0, "plan": [{**item, "state": "done"} for item in WORKING["plan"]]}
    assert progress.news(WORKING, later) == ["  ✓ Write", "  ✓ Test"]
    assert progress.news(WORKING, {**WORKING, "seconds": 99.0}) == []
    assert not progress.changed(WORKING, {**WORKING, "seconds": 99.0})


def test_the_ending_says_what_came_of_it_or_what_is_wanted() -> None:
    """Work done with checks and links; a question and a plan with how to answer; a failure with what helps."""
    done = progress.ending(DONE)
    for words in (
        "│ It greets.",
        "✓ make test (exit code 0)",
        "2 files changed, +10 -2",
        "pull/3",
        "$0.12, 1 min 05 s",
    ):
        assert words in done
    assert '`opus67 answer 7f3c9a "your answer"` lets it go on.' in progress.ending(QUESTION)
    assert "│ A or B?" in progress.ending(QUESTION)
    assert "`opus67 approve 7f3c9a` starts the work" in progress.ending(PLAN)
    assert "`opus67 resume 7f3c9a` goes on" in progress.ending({**QUESTION, "question": ""})
    assert "`opus67 retry 7f3c9a` starts again" in progress.ending(FAILED)


def test_the_exit_code_says_where_the_task_stands() -> None:
    """0 for done, 1 for failed, 3 for waiting."""
    assert [progress.exit_of(one) for one in (DONE, FAILED, QUESTION)] == [Exit.DONE, Exit.REFUSED, Exit.WAITS]
    assert [progress.is_over(one) for one in (QUEUED, WORKING, QUESTION, DONE)] == [False, False, True, True]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://github.example.com/octo/shop.git", "octo/shop"),
        ("https://token@github.example.com/octo/shop", "octo/shop"),
        ("git@github.example.com:octo/shop.git", "octo/shop"),
        ("ssh://git@github.example.com:2222/octo/shop.git", "octo/shop"),
        ("https://github.example.com:8443/octo/shop.git", ""),
        ("https://elsewhere.example.com/octo/shop.git", ""),
        ("git@elsewhere.example.com:octo/shop.git", ""),
        ("/srv/git/octo/shop.git", ""),
        ("https://github.example.com/octo/group/shop", ""),
        ("http://[broken", ""),
        ("", ""),
    ],
)
def test_a_remote_names_its_repository(url: str, found: str) -> None:
    """Over https and ssh, on the server of the settings and no other."""
    assert repository_of(url, "https://github.example.com") == found


def test_the_folder_is_asked_without_running_git(home: Path) -> None:
    """The file is read as text, from any folder below, from a worktree too; what would run in it does not."""
    config = '[core]\n\tfsmonitor = touch {home}/ran\n[remote "fork"]\n\turl = https://github.com/me/shop\n'
    config += '[remote "origin"]\n\turl = git@github.com:octo/shop.git\n\tfetch = +refs/heads/*\n'
    main, below, tree = home / "shop", home / "shop" / "src" / "deep", home / "tree"
    (main / ".git" / "worktrees" / "tree").mkdir(parents=True)
    below.mkdir(parents=True)
    tree.mkdir()
    (main / ".git" / "config").write_text(config.replace("{home}", str(home)))
    (tree / ".git").write_text(f"gitdir: {main}/.git/worktrees/tree\n")
    (main / ".git" / "worktrees" / "tree" / "commondir").write_text("../..\n")
    for folder in (main, below, tree):
        assert repository_here(folder, "https://github.com") == "octo/shop", folder
    assert not (home / "ran").exists()
    assert repository_here(home, "https://github.com") == ""
    (main / ".git" / "config").write_text("[remote\nurl=\x00\n[broken")
    assert repository_here(main, "https://github.com") == ""
