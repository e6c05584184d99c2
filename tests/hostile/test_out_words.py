"""What the bot posts orders, pings, closes, hides, loads and signs nothing, in every place; and a draft stays a draft."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.jobs.workshop import WORKSHOP

if TYPE_CHECKING:
    from tests.hostile.leaking import Leaking

pytestmark = pytest.mark.bubblewrap

FENCED = re.compile(r"^(`{3,}|~{3,})[^\n]*\n.*?^\1[`~]*[ \t]*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(?<!`)(`+)(?!`)(?:(?!\1).)+?(?<!`)\1(?!`)", re.DOTALL)
ANYWHERE = {
    "a terminal sequence": r"\x1b",
    "a turned direction": "[\u202a-\u202e\u2066-\u2069]",
    "a tag character": "[\U000e0000-\U000e007f]",
    "somebody else's marker": r"<!--\s*opus67:task=aaaaaa",
    "a word that skips CI": r"\[skip ci\]|^skip-checks\s*:",
}
IN_PROSE = {
    "a mention of a team": r"@octo/team",
    "a mention of a person": r"@carol\b",
    "a mention of a bot": r"@dependabot\b",
    "a number that closes": r"#777\b",
    "an old number that closes": r"\bGH-777\b",
    "an address that closes": r"https?://github\.com/octo/shop/issues/777",
    "a command for others": r"^[\s>*+-]*/deploy",
    "a command for ourselves": r"^[\s>*+-]*/opus (?:merge|approve|cancel)\b",
    "an image": r"<img|!\[",
    "a masked link": r"\]\(https://evil",
    "a definition of a link": r"^\[x\]:",
    "a section that hides": r"<details><summary>evil",
}
IN_COMMITS = {
    **ANYWHERE,
    **{name: IN_PROSE[name] for name in IN_PROSE if name.startswith(("a mention", "a number", "an old", "an address"))},
    "a second author": r"(?i)co-authored-by: *mallory",
    "a signature": r"(?i)signed-off-by: *mallory",
}
MARKDOWN = ("body", "summary", "text", "comments body")


@pytest.fixture(scope="module")
def written(leaky: Leaking) -> list[tuple[str, str]]:
    """Return each text in Markdown that was posted, with its place."""
    found = [(where, text) for where, text in leaky.strings() if where.endswith(MARKDOWN)]
    kinds = {re.sub(r"[0-9a-f]{40}|\d+", "…", where.partition(" /repos/octo/workshop")[2]) for where, _ in found}
    assert kinds >= {
        "/issues/…/comments body",
        "/issues/comments/… body",
        "/pulls body",
        "/pulls/… body",
        "/pulls/…/reviews body",
        "/pulls/…/reviews comments body",
        "/pulls/…/comments/…/replies body",
        "/check-runs output summary",
        "/check-runs/… output summary",
        "/check-runs/… output text",
    }
    assert sum("Said in" in text for _, text in found) > 10
    return found


def beside_code(text: str) -> str:
    """Return Markdown without its code, which orders and pings nothing; what is quoted is read as if it were not."""
    plain = re.sub(r"^> ?", "", text, flags=re.MULTILINE)
    return CODE.sub("(code)", FENCED.sub("(code)", plain))


@pytest.mark.parametrize("name", [*ANYWHERE, *IN_PROSE])
def test_no_text_has_power(leaky: Leaking, written: list[tuple[str, str]], name: str) -> None:
    """The agent said it in every place, and in none it has an effect."""
    pattern = re.compile(ANYWHERE.get(name) or IN_PROSE[name], re.MULTILINE)
    assert all(pattern.search(text) for text in leaky.replies), "the trick is in place"
    texts = written if name in ANYWHERE else [(where, beside_code(text)) for where, text in written]
    assert [(where, pattern.search(text)) for where, text in texts if pattern.search(text)] == []


def test_each_text_has_one_marker_and_its_own(leaky: Leaking, written: list[tuple[str, str]]) -> None:
    """What the bot finds again is what it wrote for that very task; nobody plants a second marker."""
    ids = {task.id for task in leaky.tasks}
    for where, text in written:
        markers = re.findall(r"<!--\s*opus67:(?:task=|review=|thread task=)(\w+)", text)
        assert set(markers) <= ids, where
        if where.startswith(("POST", "PATCH")) and "/comments" in where and "/reviews" not in where:
            assert len(markers) == 1, where
            assert text.startswith("<!-- opus67:"), where


def test_sections_that_open_are_closed_in_order(written: list[tuple[str, str]]) -> None:
    """A text can neither end a section of ours nor open one that hides what follows."""
    for where, text in written:
        depth = 0
        for tag in re.findall(r"</?details>", beside_code(text)):
            depth += 1 if tag == "<details>" else -1
            assert depth in {0, 1}, where
        assert depth == 0, where


def test_titles_are_one_plain_line(leaky: Leaking) -> None:
    """Of pull requests, check runs and annotations: no order, no mention, within GitHub's length."""
    titles = [(where, text) for where, text in leaky.strings() if where.endswith("title")]
    assert any("Said in title" in text for _, text in titles)
    for where, title in titles:
        assert "\n" not in title, where
        assert len(title) <= 255, where
        assert not [name for name, pattern in IN_COMMITS.items() if re.search(pattern, title)], where


@pytest.mark.parametrize("name", IN_COMMITS)
def test_no_commit_has_power(leaky: Leaking, name: str) -> None:
    """GitHub reads messages too: they ping, close, skip CI and name authors."""
    said = messages(leaky)
    assert "Said in title" in said
    assert "Said in summary" in said
    assert not re.search(IN_COMMITS[name], said, re.MULTILINE)


def test_the_one_co_author_is_who_asked(leaky: Leaking) -> None:
    """As git and GitHub read the trailers."""
    command = ["git", "interpret-trailers", "--parse"]
    found = [
        subprocess.run(command, input=said, capture_output=True, text=True, check=True).stdout
        for said in messages(leaky).split("\0")
        if said.strip()
    ]
    assert {line.partition("<")[0] for trailers in found for line in trailers.splitlines()} == {
        "Co-authored-by: alice "
    }


def messages(leaky: Leaking) -> str:
    """Return the messages of all commits that the bot made."""
    path = leaky.workshop.github.world.repository(WORKSHOP).path
    command = ["git", "-c", "safe.directory=*", f"--git-dir={path}", "log", "--branches=opus/*", "--format=%B%x00"]
    return subprocess.run([*command, "--author=opus-67"], capture_output=True, text=True, check=True).stdout


def test_texts_are_as_long_as_github_takes(written: list[tuple[str, str]]) -> None:
    """A comment or a body has 65 536 characters, a check run's parts as well."""
    assert max(len(text) for _, text in written) > 5_000
    assert [where for where, text in written if len(text) > 65_535] == []


def test_the_chats_are_told_no_orders(leaky: Leaking) -> None:
    """No broadcast, no mention, no masked link of the agent's in Slack or Discord."""
    heads = [re.split("```|~~~", text)[0] for text in leaky.messages()]
    assert sum("octo/team" in head for head in heads) > 5
    for head in heads:
        assert not re.search(r"<!(?:channel|here|everyone)|@everyone|\]\(https://evil|<https://evil[^>]*\|", head)
        assert not re.search(r"<@(?!U[A-Z0-9]+> )|\\x1b|\\u202e|\x1b|\u202e", head)


def test_a_draft_stays_a_draft(leaky: Leaking) -> None:
    """One pull request, a draft; nothing is approved, merged or marked as ready, nothing pushed beside ``opus/``."""
    github = leaky.workshop.github
    [opened] = [one for one in github.pull_requests(WORKSHOP) if one.author.login.endswith("[bot]")]
    assert opened.pull is not None
    assert opened.pull.draft
    assert opened.state == "open"
    asked = [one for one in github.requests if one.method != "GET"]
    assert not [one.path for one in asked if one.path.endswith(("/merge", "/update-branch", "/git/refs"))]
    assert not [one for one in asked if one.path == "/graphql" and "ReadyForReview" in str(one.body)]
    events = [one.body["event"] for one in asked if one.path.endswith("/reviews") and one.method == "POST"]
    assert events
    assert set(events) <= {"COMMENT", "REQUEST_CHANGES"}
    assert [one.body["draft"] for one in asked if one.path.endswith("/pulls")] == [True]
    pushed = [push for push in github.pushes if push.by.endswith("[bot]")]
    assert pushed
    assert {push.ref.split("/")[2] for push in pushed} == {"opus"}
