"""The documents say what is there: commands, settings, examples, and nothing that is still to come."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from urllib.parse import unquote

import pytest

from bot import grammar
from bot.cli import COMMANDS, GROUPS, USAGE
from config import repository
from config.settings import VARIABLES
from jobs.types import Conclusion, Phase, Status
from tests.house import tables
from tests.house.sources import ROOT

DOCUMENTS = (
    "README.md",
    "SECURITY.md",
    "CHANGELOG.md",
    *sorted(f"docs/{path.name}" for path in ROOT.glob("docs/*.md")),
)
NAMES = {command.name for command in COMMANDS}
LATER = ("schedule", "Kubernetes", "signing in")
"""What the design draws and this version does not do; said in one sentence of the README."""


def read(name: str) -> str:
    """Return a document."""
    return (ROOT / name).read_text(encoding="utf-8")


def code(text: str) -> list[str]:
    """Return what stands as code in a document: the lines of blocks, and what is between backticks outside them."""
    blocks = re.findall(r"^ *```[a-z]*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", prose)


def shell_words(text: str, program: str) -> list[list[str]]:
    """Return the words behind a program wherever a document calls it as code."""
    call = re.compile(rf"(?:^|;|&&)\s*(?:sudo )?(?:[./\w]*/)?{program} (?P<words>[^#;&]*)")
    return [match["words"].split() for line in code(text) for match in call.finditer(line.strip())]


def test_the_readme_begins_with_the_two_commands() -> None:
    """Under the title, the first thing to read is `make demo` and `make test`."""
    lines = [line for line in read("README.md").splitlines() if line.strip()]
    assert lines[0] == "# Opus 67"
    assert lines[1] == "```"
    assert [line.partition("#")[0].strip() for line in lines[2:4]] == ["make demo", "make test"]


def test_the_generated_tables_are_of_now() -> None:
    """The README's tables of commands and settings are what the code says; `python -m tests.house.tables` renews them."""
    readme = read("README.md")
    assert readme == tables.rendered(readme)
    assert read("docs/commands.md") == tables.chapter()
    for name, table in tables.tables().items():
        assert f"<!-- {name} -->\n{table}\n<!-- /{name} -->" in readme, name


def test_every_setting_is_in_the_readme_once() -> None:
    """The table of settings has one row for each."""
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \|", read("README.md"), re.MULTILINE)
    assert sorted(rows) == sorted(variable.name for variable in VARIABLES)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_and_options_that_are_named_exist(document: str) -> None:
    """Each `opus67 …` is a command of the table with options that it has."""
    for words in shell_words(read(document), "opus67"):
        if words[0] in {"--help", "--version", "\u2026"}:
            continue
        if not grammar.read(" ".join(words)).problem:
            continue  # a command of the bot's own table
        said = " ".join(words[:2]) if words[0] in GROUPS else words[0]
        assert said in NAMES, f"{document}: opus67 {' '.join(words)}"
        command = next(command for command in COMMANDS if command.name == said)
        options = {word for word in words if word.startswith("--")} - {"--json"}
        assert options <= {option.flag for option in command.options}, f"{document}: opus67 {' '.join(words)}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_targets_that_are_named_exist(document: str) -> None:
    """Each `make …` is a target."""
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    assert {words[0] for words in shell_words(read(document), "make")} <= targets


@pytest.mark.parametrize("document", DOCUMENTS)
def test_settings_that_are_named_exist(document: str) -> None:
    """Each word that looks like a setting is one."""
    prefixes = "OPUS67|GITHUB|SLACK|DISCORD|ANTHROPIC|OPENAI"
    named = set(re.findall(rf"\b(?:(?:{prefixes})_[A-Z_]*[A-Z]|REDIS_URL|DATABASE_URL)\b", read(document)))
    assert named <= {variable.name for variable in VARIABLES}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_slash_commands_that_are_named_exist(document: str) -> None:
    """Each `/opus …` is something that the bot understands."""
    said = re.findall(r"`/opus ([a-z][^`]*)`", read(document))
    assert [words for words in said if grammar.read(words).problem and "<" not in words] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_are_linked_exist(document: str) -> None:
    """Each link that is no web address leads to a file, pictures too, and each heading that is linked is there."""
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", read(document)):
        path, _, heading = unquote(target).partition("#")
        there = (ROOT / document).parent / path if path else ROOT / document
        assert there.exists(), f"{document}: {target}"
        if heading:
            headings = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", text).strip().lower().replace(" ", "-") for text in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_are_named_exist(document: str) -> None:
    """Each path below one of our folders that is written as code is there."""
    folders = r"(?:bot|jobs|config|tests|bench|deploy|docs)/[\w./-]+"
    named = [word for words in code(read(document)) for word in re.findall(rf"^{folders}$", words)]
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_example_of_a_repositorys_file_is_valid() -> None:
    """What people copy from the README is read without a complaint, and says what it seems to."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", read("README.md"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    found = repository.parse(blocks[0])
    assert found.mode == "conservative"
    assert found.limits.run.dollars < found.limits.day.dollars
    assert found.hosts.setup
    assert not found.hosts.work


def test_the_states_are_those_of_the_code() -> None:
    """The picture of the states names each status and no other, the ending conclusions that are, and the text each phase."""
    readme = read("README.md")
    picture = re.findall(r"^```mermaid\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)[0]
    arrows = re.findall(r"^ *([a-z_]+|\[\*\]) --> ([a-z_]+):", picture, re.MULTILINE)
    assert {name for arrow in arrows for name in arrow} - {"[*]"} == {status.value for status in Status}
    ends = re.search(r"in_progress --> completed: (.*)", picture)
    assert ends is not None
    assert set(ends[1].split(", ")) <= {conclusion.value for conclusion in Conclusion}
    assert f"phase: {', '.join(phase.value for phase in Phase)}." in readme


def test_what_is_still_to_come_is_said_plainly() -> None:
    """One paragraph says what this version does not do, and no other praises it."""
    readme = read("README.md")
    paragraph = next(line for line in readme.splitlines() if line.startswith("**Not yet:**"))
    assert [name for name in LATER if name not in paragraph] == []
    without_settings = re.sub(r"<!-- variables -->.*<!-- /variables -->", "", readme, flags=re.DOTALL)
    others = [line for line in without_settings.splitlines() if line != paragraph]
    assert [line for line in others if re.search(r"Kubernetes|schedule", line)] == []


def test_figures_name_scripts_that_measure_them() -> None:
    """Each row of the measurements names a script that is there."""
    section = read("README.md").partition("## Measured")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| what")]
    assert rows
    for row in rows:
        scripts = re.findall(r"`(bench/\w+\.py)` \|$", row)
        assert len(scripts) == 1, row
        assert (ROOT / scripts[0]).is_file(), row


def test_the_picture_is_sound_and_needs_nothing() -> None:
    """The SVG is well-formed, has words for who cannot see it, follows the dark scheme, and runs and loads nothing."""
    text = read("docs/way.svg")
    tree = ET.fromstring(text)  # noqa: S314 - a file of ours
    names = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert {"title", "desc", "style"} <= names
    assert not names & {"script", "image", "foreignObject", "use", "a"}
    assert "prefers-color-scheme: dark" in text
    assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_the_service_runs_what_the_readme_says() -> None:
    """The unit starts `opus67 up` in the folders that the README names, and does not restart what a person must mend."""
    unit = dict(
        line.split("=", 1) for line in read("deploy/opus67.service").splitlines() if "=" in line and line[0] != "#"
    )
    readme = read("README.md")
    assert unit["ExecStart"].endswith("/.venv/bin/opus67 up")
    assert unit["WorkingDirectory"] in readme
    assert unit["Environment"].removeprefix("OPUS67_HOME=") in readme
    assert unit["RestartPreventExitStatus"] == str(USAGE)
