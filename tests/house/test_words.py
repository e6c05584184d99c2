"""What is written down agrees with what is built: README, settings, App, processes, commands."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from bot.cli import COMMANDS, GROUPS
from bot.up import processes
from config.settings import VARIABLES, example_file
from tests.house.sources import ROOT, text_files
from tests.needs import requires

REGISTRIES = (
    *("pypi" + ".org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com", "yarn" + "pkg.com"),
    *("deb." + "debian.org", "ftp." + "debian.org", "archive." + "ubuntu.com", "snapshot." + "debian.org"),
    *("crates" + ".io", "ruby" + "gems.org", "proxy." + "golang.org", "registry-1." + "docker.io"),
)
MACHINE_PATHS = re.compile(r"(?<![\w.$-])/" + r"(work/(main|shared)|root/\.(pyenv|config|cache))")
AUTHORS = re.compile(
    r"(generated|written|created) (by|with) (an ai|[c]laude|[g]pt|[c]opilot)|co-authored-by: [c]laude",
    re.IGNORECASE,
)
BY_THEMSELVES = {"installation", "installation_repositories", "ping", "github_app_authorization"}
"""Events that every App gets; a manifest must not name them."""
COMMAND_NAMES = {command.name for command in COMMANDS}


def read(name: str) -> str:
    """Return a file of the root; where it is not there yet, the test is skipped (an error in CI)."""
    path = ROOT / name
    requires(path.exists(), name)
    return path.read_text(encoding="utf-8")


def test_no_registry_and_no_machine_is_named() -> None:
    """No file names a package registry's host, a path of a developer's machine, or a program as its author."""
    wrong = [
        f"{name}:{number}: {line.strip()[:80]}"
        for name, text in text_files()
        for number, line in enumerate(text.splitlines(), 1)
        if any(host in line for host in REGISTRIES) or MACHINE_PATHS.search(line) or AUTHORS.search(line)
    ]
    assert wrong == []


def test_the_example_file_is_the_table() -> None:
    """.env.example is what the table of variables gives."""
    assert read(".env.example") == example_file()


def test_the_readme_names_real_variables() -> None:
    """Every variable that the README names is a setting, and every setting that must be set is named."""
    names = {variable.name for variable in VARIABLES}
    named = set(re.findall(r"\b(?:OPUS67|GITHUB|SLACK|DISCORD|ANTHROPIC|OPENAI)_[A-Z_]*[A-Z]\b", read("README.md")))
    assert named - names == set()
    assert {variable.name for variable in VARIABLES if variable.required} - named == set()


def test_the_readme_names_real_commands() -> None:
    """Every ``opus67 …`` in the README is a command of the table, and each of the table is in the README."""
    readme = read("README.md")
    said = {
        words.strip() for words in re.findall(r"\bopus67 ([a-z]+(?: build)?)", " ".join(re.findall("`[^`]+`", readme)))
    }
    said |= set(re.findall(r"^\s*(?:\$ |\.venv/bin/)?opus67 ([a-z]+(?: build)?)", readme, re.MULTILINE))
    assert {words for words in said if words not in COMMAND_NAMES and words not in GROUPS} == set()
    assert {name for name in COMMAND_NAMES if f"opus67 {name}" not in readme} == set()


def test_the_readme_names_real_targets() -> None:
    """Every ``make …`` in the README is a target."""
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    said = {
        first or second
        for first, second in re.findall(r"`make ([a-z]+)|^make ([a-z]+)", read("README.md"), re.MULTILINE)
    }
    assert said - targets == set()
    assert {"setup", "demo", "test", "lint", "bench", "up"} <= targets


def test_links_lead_somewhere() -> None:
    """Every relative link in a Markdown file leads to a file of this repository."""
    broken = [
        f"{name}: {target}"
        for name, text in text_files()
        if name.endswith(".md") and "sample" not in name
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
        if not (ROOT / name).parent.joinpath(target).exists()
    ]
    assert broken == []


def test_the_app_asks_for_the_triggers_events() -> None:
    """app.yml subscribes to exactly what the triggers want."""
    events = import_module("bot.triggers").EVENTS
    manifest = yaml.safe_load(read("app.yml"))
    assert set(manifest["default_events"]) == set(events) - BY_THEMSELVES


def test_the_app_never_asks_for_workflows() -> None:
    """The App may not change workflows, administrate or read secrets."""
    permissions = yaml.safe_load(read("app.yml"))["default_permissions"]
    assert not {"workflows", "administration", "secrets", "environments"} & set(permissions)
    assert {name for name, level in permissions.items() if level not in {"read", "write"}} == set()


def test_the_procfile_is_what_up_runs() -> None:
    """Procfile names the same processes as the supervisor, and each is a command."""
    named = dict(line.split(": ", 1) for line in read("Procfile").splitlines())
    assert {name: f"opus67 {command}" for name, command in processes()} | {"release": "opus67 migrate"} == named
    assert {words.removeprefix("opus67 ") for words in named.values()} <= COMMAND_NAMES


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_is_there(command: object) -> None:
    """Behind each command of the table is a function."""
    module, _, name = str(command.function).partition(":")  # type: ignore[attr-defined]
    path = Path(ROOT, *module.split("."))
    requires(path.with_suffix(".py").exists() or (path / "__init__.py").exists(), module)
    assert callable(getattr(import_module(module), name))
