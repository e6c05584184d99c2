"""The command line: quick, helpful, and never a traceback for what a person can cure."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bot.cli import COMMANDS, INTERRUPTED, USAGE
from config.settings import child_environment

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
