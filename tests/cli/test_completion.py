"""Completion in real shells: the script that ``opus67 completion`` prints, and what it offers there."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.shell.table import SHELLS
from jobs.store import Store
from jobs.store.migrations import migrate
from tests.store.asking import submit

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = str(Path(sys.executable).parent)
SECONDS = 30.0

BASH = """
eval "$(opus67 completion bash)"
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 ))
_opus67 "$1"
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = "opus67 completion fish | source; complete -C $argv[1] | cut -f1"


def environment(home: Path) -> dict[str, str]:
    """Return an environment in which ``opus67`` is found and works under a home."""
    kept = {name: value for name, value in os.environ.items() if name in {"LANG", "TMPDIR"}}
    return {
        **kept,
        "PATH": f"{PROGRAMS}:/usr/bin:/bin",
        "HOME": str(home),
        "OPUS67_HOME": str(home / "var"),
        "TERM": "dumb",
    }


def find(shell: str) -> str:
    """Return the program of a shell; without one that not every machine has, the test is skipped."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"needs {shell}; to have it: apt-get install --no-install-recommends {shell}")
    return program


def offered(shell: str, home: Path, line: str) -> list[str]:
    """Return what bash or fish offers for the end of a line."""
    program = find(shell)
    words = ["-c", BASH, "bash", *line.split(" ")] if shell == "bash" else ["-c", FISH, line]
    result = subprocess.run(
        [program, *words], cwd=home, env=environment(home), capture_output=True, text=True, timeout=60, check=False
    )
    assert result.stderr == ""
    return sorted(result.stdout.split())


@pytest.fixture
def known(home: Path) -> str:
    """Return the id of a task in the database under the home."""
    (home / "var").mkdir()
    url = f"sqlite:///{home}/var/opus67.sqlite3"
    migrate(url)
    store = Store(url)
    try:
        return submit(store).id
    finally:
        store.close()


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_a_shell_offers_what_the_program_knows(shell: str, home: Path, known: str) -> None:
    """Commands, second words, choices of options, and the ids of tasks in the database."""
    assert offered(shell, home, "opus67 miss") == ["mission"]
    assert offered(shell, home, "opus67 token ") == ["create", "list", "revoke"]
    assert offered(shell, home, "opus67 bg --priority ") == ["high", "low", "normal"]
    assert offered(shell, home, "opus67 bg cancel ") == [known]


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_without_a_database_there_are_no_ids(shell: str, home: Path) -> None:
    """Nothing is offered and nothing complained of, and no database is made."""
    assert offered(shell, home, "opus67 bg cancel ") == []
    assert not (home / "var").exists()


@pytest.fixture
def zsh(home: Path) -> Iterator[int]:
    """Yield the terminal of an interactive zsh that has read the script."""
    program = find("zsh")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(home)
        os.execve(program, ["zsh", "-f", "-i"], environment(home))  # noqa: S606 - the child of the pty
    setup = 'PS1="ready> "; autoload -U compinit; compinit -u -D; source <(opus67 completion zsh); print -r -- se""t\n'
    os.write(terminal, setup.encode())
    read_until(terminal, "\nset")
    yield terminal
    os.close(terminal)
    os.waitpid(pid, 0)


def read_until(terminal: int, words: str) -> str:
    """Return what a terminal shows until it shows words."""
    seen, deadline = "", time.monotonic() + SECONDS
    while words not in seen.replace("\r", ""):
        assert time.monotonic() < deadline, seen
        if select.select([terminal], [], [], 0.5)[0]:
            with suppress(OSError):
                seen += os.read(terminal, 4096).decode(errors="replace")
    return seen


def test_zsh_completes_a_command_and_an_id(zsh: int, home: Path, known: str) -> None:
    """A second word and the only task are filled in at the press of the tab key."""
    os.write(zsh, b"opus67 bg canc\t")
    read_until(zsh, "cancel ")
    os.write(zsh, b"\t")
    read_until(zsh, known)


def test_every_shell_has_its_script(home: Path) -> None:
    """The script says how to have it always, and comes as a document too; another shell is told which there are."""
    for shell in SHELLS:
        result = run("completion", shell, home=home)
        assert f"opus67 completion {shell} > " in result.stdout
        assert result.returncode == 0
    wrong = run("completion", "tcsh", home=home)
    assert wrong.returncode == 2
    assert "'bash', 'zsh', 'fish'" in wrong.stderr


def run(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    command = [sys.executable, "-P", "-m", "bot.cli", *words]
    return subprocess.run(
        command, cwd=home, env=environment(home), capture_output=True, text=True, timeout=60, check=False
    )
