"""The command line: quick, helpful, and never a traceback for what a person can cure."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bot.cli import COMMANDS, INTERRUPTED, USAGE
from bot.commands import TABLE
from bot.up import processes
from bot.up.banner import banner
from config.settings import child_environment, load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Stage

HEAVY = {
    "yaml",
    "sqlalchemy",
    "flask",
    "anthropic",
    "openai",
    "githubkit",
    "docker",
    "redis",
    "rq",
    "logging",
    "ctypes",
    "httpx",
    "discord",
    "slack_bolt",
}
OPUS67 = (sys.executable, "-P", "-m", "bot.cli")


def run(
    *words: str, home: Path, command: tuple[str, ...] = OPUS67, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line in an empty folder, with no settings but those given."""
    changes = {"OPUS67_HOME": str(home), **environment}
    clean = {
        name: value for name, value in child_environment().items() if not name.startswith(("GITHUB_", "ANTHROPIC_"))
    }
    return subprocess.run(
        [*command, *words], cwd=home, env={**clean, **changes}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("words", [(), ("--help",), ("help",)])
def test_help_lists_every_command(home: Path, words: tuple[str, ...]) -> None:
    """Without a command, or with --help, every command is listed with what it does."""
    result = run(*words, home=home)
    assert result.returncode == 0
    for command in COMMANDS:
        first = command.name.split()[0]
        assert f"    {first} " in result.stdout or f"    {first}\n" in result.stdout
    assert "check everything it needs" in result.stdout


def test_help_imports_nothing_slow(home: Path) -> None:
    """--help loads none of the libraries that are slow to import."""
    code = (
        "import sys, contextlib, io; from bot.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): main(['--help'])\n"
        "print(' '.join(sys.modules))"
    )
    result = run("-c", code, home=home, command=(sys.executable, "-P"))
    assert result.returncode == 0, result.stderr
    assert HEAVY & set(result.stdout.split()) == set()


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (("docter",), "Did you mean `opus67 doctor`?"),
        (("migrat",), "Did you mean `opus67 migrate`?"),
        (("sandbox", "biuld"), "Did you mean `opus67 sandbox build`?"),
        (("--debug", "wrker"), "Did you mean `opus67 worker`?"),
        (("xyzzy",), "`opus67 --help` lists the commands."),
    ],
)
def test_a_typing_mistake_gets_the_nearest_command(home: Path, words: tuple[str, ...], near: str) -> None:
    """An unknown command is answered with the one that was probably meant."""
    result = run(*words, home=home)
    assert result.returncode == USAGE
    assert near in result.stderr
    assert "There is no command" in result.stderr


def test_the_version_is_told(home: Path) -> None:
    """``opus67 version`` and ``opus67 --version`` say the same."""
    results = [run(word, home=home) for word in ("version", "--version")]
    assert {result.returncode for result in results} == {0}
    assert {result.stdout for result in results} == {"opus67 0.1.0\n"}


def test_what_a_person_can_cure_is_told_without_a_traceback(home: Path) -> None:
    """All missing settings are told at once, with an example each, and exit code 2."""
    result = run("up", home=home)
    assert result.returncode == USAGE
    assert "Traceback" not in result.stderr
    for name in ("GITHUB_APP_ID", "GITHUB_PRIVATE_KEY", "GITHUB_WEBHOOK_SECRET", "ANTHROPIC_API_KEY"):
        assert f"{name}: It is not set." in result.stderr
    assert "opus67 setup" in result.stderr


def test_an_internal_error_names_its_place_and_the_next_step(home: Path) -> None:
    """A fault of ours is told in three lines; --debug shows its traceback."""
    (home / "file").write_text("in the way")
    short = run("migrate", home=home, OPUS67_HOME=str(home / "file" / "below"))
    assert short.returncode == 1
    assert "opus67: internal error: NotADirectoryError" in short.stderr
    assert "`opus67 --debug migrate` shows the whole traceback" in short.stderr
    assert "Traceback" not in short.stderr
    long = run("--debug", "migrate", home=home, OPUS67_HOME=str(home / "file" / "below"))
    assert "Traceback" in long.stderr


def test_migrate_may_be_run_again(home: Path) -> None:
    """``opus67 migrate`` makes the tables, and the second time does nothing."""
    for _ in range(2):
        result = run("migrate", home=home)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout == f"The database is up to date: SQLite, embedded, {home}/opus67.sqlite3.\n"
    assert (home / "opus67.sqlite3").stat().st_size > 0


def test_ctrl_c_is_quiet(stage: Stage) -> None:
    """Ctrl-C ends a command that waits without a traceback, with exit code 130."""
    running = stage.opus67("setup")
    running.until_says("Ctrl-C ends it")
    running.popen.send_signal(signal.SIGINT)
    assert running.ends() == INTERRUPTED
    assert "Traceback" not in running.output


@pytest.mark.parametrize(
    ("words", "code", "ok"),
    [
        (("version",), 0, True),
        (("migrate",), 0, True),
        (("--help",), 0, True),
        (("help", "bg", "merge"), 0, True),
        (("completion", "fish"), 0, True),
        (("up",), 2, False),
        (("web",), 2, False),
        (("docter",), 2, False),
        (("sandbox", "build", "--engine", "rocket"), 2, False),
        (("bg", "stauts"), 2, False),
        (("bg", "status"), 2, False),
        (("token", "list"), 2, False),
        (("sandbox", "build", "--base"), 2, False),
    ],
)
def test_with_json_there_is_one_document(home: Path, words: tuple[str, ...], code: int, *, ok: bool) -> None:
    """Whatever the command and however it ends: one document of the same fields, and the exit code of always."""
    result = run(*words, "--json", home=home)
    assert result.returncode == code, result.stderr
    document = json.loads(result.stdout)
    assert set(document) == {"ok", "task", "data", "text"}
    assert document["ok"] is ok
    assert document["text"]
    if not ok:
        assert document["data"] == {"error": document["text"], "exit_code": code}


def test_an_internal_error_is_a_document_too(home: Path) -> None:
    """With --json a fault of ours does not surprise the program that reads."""
    (home / "file").write_text("in the way")
    result = run("migrate", "--json", home=home, OPUS67_HOME=str(home / "file" / "below"))
    assert result.returncode == 1
    assert "internal error: NotADirectoryError" in json.loads(result.stdout)["data"]["error"]


def test_help_tells_of_both_tables_and_of_the_exit_codes(home: Path) -> None:
    """The bot's commands stand in a group of their own; `help bg` is the bot's help, `help` the program's."""
    whole = run("help", home=home).stdout
    assert whole.index("run it:") < whole.index("tell the bot:") < whole.index("exit codes:")
    for entry in TABLE:
        assert f"    {entry.usage}" in whole
    bot = run("help", "bg", "merge", home=home)
    assert bot.stdout.startswith("opus67 bg merge <id>: ")
    assert run("bg", "merge", "--help", home=home).stdout == bot.stdout
    unknown = run("help", "xyzzy", home=home)
    assert (unknown.returncode, "`opus67 --help` lists them" in unknown.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "near"), [(("missoin",), "`opus67 mission`"), (("aks",), "`opus67 ask`"), (("tokn",), "`opus67 token`")]
)
def test_the_nearest_command_is_of_either_table(home: Path, words: tuple[str, ...], near: str) -> None:
    """A slip in a word of the bot's is told as one in the program's."""
    assert f"Did you mean {near}?" in run(*words, home=home).stderr


def test_without_settings_the_bot_is_not_reached_and_says_why(home: Path) -> None:
    """What is missing is told, and that the service may be elsewhere; no traceback, exit code 2."""
    result = run("bg", "status", home=home)
    assert result.returncode == USAGE
    assert "GITHUB_APP_ID: It is not set." in result.stderr
    assert "When the service runs on another machine, OPUS67_URL" in result.stderr


def test_a_token_is_not_sent_unencrypted_without_a_warning(home: Path) -> None:
    """An address with http is obeyed, with a warning on the side unless it is this machine."""
    token = f"opus67_{'x' * 43}"
    for url, warned in (("http://opus67.invalid", True), ("http://127.0.0.1:9", False)):
        result = run("whoami", home=home, OPUS67_URL=url, OPUS67_TOKEN=token)
        assert result.returncode == 4
        assert ("is not encrypted" in result.stderr) is warned
        assert "cannot be reached" in result.stderr
        assert token not in result.stderr


def test_a_reader_that_goes_away_is_no_fault(home: Path) -> None:
    """`opus67 help bg | head -1` ends without a complaint."""
    line = f"{sys.executable} -P -m bot.cli help bg | head -1"
    result = run("-c", line, home=home, command=("/bin/sh",))
    assert (result.returncode, result.stderr) == (0, "")


def test_chats_run_when_they_are_set_up(home: Path) -> None:
    """`up` starts those whose token is set, and says by which way Slack is heard."""
    base = {"OPUS67_HOME": str(home)}
    plain = load(base, dotenv=None)
    assert [name for name, _ in processes(plain)] == ["web", "worker", "clock"]
    assert "chat" not in banner(plain, "bubblewrap")
    slack = {**base, "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s", "OPUS67_PUBLIC_URL": "https://o.example"}
    both = load({**slack, "DISCORD_TOKEN": "d"}, dotenv=None)
    assert [name for name, _ in processes(both)] == ["web", "worker", "clock", "slack", "discord"]
    words = banner(both, "bubblewrap")
    assert "chat        Slack (https://o.example/slack/events), Discord" in words
    assert "web, clock, worker, slack and discord; 2 tasks at a time" in words
    assert "Slack (Socket Mode)" in banner(load({**slack, "SLACK_APP_TOKEN": "xapp-1"}, dotenv=None), "bubblewrap")
