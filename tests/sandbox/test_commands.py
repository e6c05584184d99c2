"""Commands in a sandbox, the same in every provider."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from jobs.types import SandboxError, SandboxFileError

if TYPE_CHECKING:
    from jobs.types import Sandbox


def test_a_command_answers_with_its_output_and_exit_code(shared: Sandbox) -> None:
    """Stdout and stderr come together, with the exit code."""
    result = shared.run("echo out; echo err >&2; exit 3", timeout=10)
    assert (result.exit_code, result.output, result.timed_out, result.truncated) == (3, "out\nerr\n", False, False)


@pytest.mark.parametrize(("command", "code"), [("kill -9 $$", 137), ("kill -TERM $$", 143), ("no-such-command", 127)])
def test_exit_codes_are_those_of_a_shell(shared: Sandbox, command: str, code: int) -> None:
    """A signal gives 128 and its number, a missing command 127."""
    assert shared.run(command, timeout=10).exit_code == code


def test_fresh_commands_know_nothing_of_each_other(shared: Sandbox) -> None:
    """Without a session neither directory nor variables are kept."""
    shared.run("cd /tmp; export X=1", timeout=10)
    assert shared.run("pwd; echo [$X]", timeout=10).output == "/workspace\n[]\n"
    assert shared.run("pwd", timeout=10, cwd="/tmp").output == "/tmp\n"


def test_a_missing_directory_is_told_in_words(shared: Sandbox) -> None:
    """A command for a directory that is not there does not run."""
    result = shared.run("echo ran", timeout=10, cwd="/nowhere")
    assert result.exit_code == 126
    assert "/nowhere" in result.output


def test_the_session_keeps_directory_variables_and_functions(shared: Sandbox) -> None:
    """The one shell goes on where it was."""
    shared.run("cd /tmp; x='a  b'; f() { echo \"f $1\"; }", timeout=10, session=True)
    assert shared.run('pwd; echo "$x"; f 1', timeout=10, session=True).output == "/tmp\na  b\nf 1\n"
    assert shared.run("false", timeout=10, session=True).exit_code == 1


@pytest.mark.parametrize("command", ["exit 4", "set -e; (exit 4)", "exec bash -c 'exit 4'"])
def test_a_session_that_ends_is_replaced_and_says_so(shared: Sandbox, command: str) -> None:
    """The exit code is kept, and the next command has a new shell."""
    result = shared.run(command, timeout=10, session=True)
    assert result.exit_code == 4
    assert "ended with this command" in result.output
    assert shared.run("pwd", timeout=10, session=True).output == "/workspace\n"


@pytest.mark.parametrize("command", ["echo 'a", "if true; then", "cat <<X\nb\nX\n)", "echo $(("])
def test_a_syntax_error_does_not_hang_the_session(shared: Sandbox, command: str) -> None:
    """Broken bash is an error of that command only."""
    result = shared.run(command, timeout=10, session=True)
    assert result.exit_code != 0
    assert not result.timed_out
    assert shared.run("echo fine", timeout=10, session=True).output == "fine\n"


def test_a_session_killed_between_commands_is_replaced(shared: Sandbox) -> None:
    """The death of the shell while nothing runs is noticed by the next command."""
    pid = shared.run("echo $$", timeout=10, session=True).output.strip()
    shared.run(f"kill -9 {pid}; sleep 0.2", timeout=10)
    assert shared.run("echo new", timeout=10, session=True).output == "new\n"


@pytest.mark.parametrize("session", [False, True])
def test_commands_read_nothing_from_stdin(shared: Sandbox, session: bool) -> None:
    """A program that asks gets the end of the file at once, and never the host's next words."""
    result = shared.run(
        "cat; read x; echo \"[$x]\"; python3 -c 'import sys; print(sys.stdin.read() == str())'",
        timeout=10,
        session=session,
    )
    assert result.output == "[]\nTrue\n"


@pytest.mark.parametrize("session", [False, True])
def test_background_jobs_do_not_hold_a_command_up(shared: Sandbox, session: bool) -> None:
    """A server started in the background lives on, prints as it likes, and does not delay the answer."""
    started = time.monotonic()
    result = shared.run("(while :; do echo noise; sleep 0.05; done) & echo $!", timeout=10, session=session)
    assert time.monotonic() - started < 20
    pid = result.output.split()[0] if result.output.split()[0].isdigit() else result.output.split()[-1]
    assert shared.run(f"sleep 0.3; kill -0 {pid} && kill -9 {pid}", timeout=10).exit_code == 0
    shared.run("true", timeout=10, session=session)


def test_a_timeout_keeps_what_was_printed(shared: Sandbox) -> None:
    """Output before the timeout is not lost."""
    result = shared.run("echo before; sleep 60", timeout=0.5)
    assert result.timed_out
    assert result.output.startswith("before\n")


def test_a_timeout_of_the_session_says_that_it_starts_anew(shared: Sandbox) -> None:
    """Directory and variables are gone, and the result says so."""
    shared.run("cd /tmp", timeout=10, session=True)
    result = shared.run("sleep 60", timeout=0.3, session=True)
    assert result.timed_out
    assert "new one, in /workspace" in result.output
    assert shared.run("pwd", timeout=10, session=True).output == "/workspace\n"


def test_a_timeout_of_a_fresh_command_spares_the_session(shared: Sandbox) -> None:
    """Only what the command started is killed."""
    shared.run("kept=yes; sleep 300 &", timeout=10, session=True)
    shared.run("sleep 0.2", timeout=10)
    assert shared.run("sleep 60", timeout=0.3).timed_out
    assert shared.run("echo $kept; jobs -r | wc -l; kill %1", timeout=10, session=True).output.startswith("yes\n1\n")


def test_long_output_is_cut_in_the_middle_and_says_so(shared: Sandbox) -> None:
    """Beginning and end are kept, the cap holds, and the cut is told."""
    result = shared.run("echo first; seq 1 200000; echo last", timeout=20, output_limit=1000)
    assert result.truncated
    assert result.output.startswith("first\n1\n")
    assert result.output.endswith("200000\nlast\n")
    assert "left out" in result.output
    assert len(result.output) < 1200


def test_output_of_exactly_the_cap_is_whole(shared: Sandbox) -> None:
    """Nothing is cut where nothing needs to be."""
    result = shared.run("printf %01000d 7", timeout=10, output_limit=1000)
    assert (len(result.output), result.truncated) == (1000, False)


def test_bytes_that_are_no_text_are_shown_as_marks(shared: Sandbox) -> None:
    """Invalid UTF-8 does not break the answer."""
    assert shared.run("printf 'a\\xff\\xc3\\xa9b'", timeout=10).output == "a\ufffdéb"


@pytest.mark.parametrize("command", ["echo a\0b", "echo " + "x" * 130_000, "echo \ud800"])
@pytest.mark.parametrize("session", [False, True])
def test_impossible_commands_are_answered_in_words(shared: Sandbox, command: str, session: bool) -> None:
    """NULs, commands over the system's limit and broken text end in a result, not in an error of ours."""
    assert shared.run(command, timeout=10, session=session).output
    assert shared.run("echo fine", timeout=10, session=session).output == "fine\n"


def test_the_environment_is_made_and_not_inherited(shared: Sandbox) -> None:
    """Tools that would ask or page are quiet, the proxy is named, nothing of the host's comes in."""
    lines = shared.run("env", timeout=10).output.splitlines()
    environment = dict(line.split("=", 1) for line in lines if "=" in line)
    assert environment["HOME"] == "/home/agent"
    assert environment["GIT_TERMINAL_PROMPT"] == "0"
    assert environment["HTTPS_PROXY"] == "http://127.0.0.1:3128"
    assert "PYTEST_CURRENT_TEST" not in environment


def test_git_takes_a_folder_of_another_owner(shared: Sandbox) -> None:
    """The mirror belongs to the host's user; git inside must not refuse it."""
    assert shared.run("git config --get-all safe.directory", timeout=10).output == "*\n"


def test_a_file_is_written_and_read(shared: Sandbox) -> None:
    """Bytes come back as they went in; folders are made."""
    data = bytes(range(256)) * 5000
    shared.write("/workspace/new/folder/file", data)
    assert shared.read("/workspace/new/folder/file", limit=len(data)) == data
    with pytest.raises(SandboxFileError, match="more than"):
        shared.read("/workspace/new/folder/file", limit=len(data) - 1)


def test_writing_keeps_the_permissions(shared: Sandbox) -> None:
    """A script stays one when it is edited."""
    shared.run("echo old > /workspace/script; chmod 755 /workspace/script", timeout=10)
    shared.write("/workspace/script", b"new")
    assert shared.run("stat -c %a /workspace/script; cat /workspace/script", timeout=10).output == "755\nnew"


@pytest.mark.parametrize(
    "path", ["/etc/x", "relative", "/workspace", "/workspace/", "/dev/null", "/proc/self/comm", "/a\0b", ""]
)
def test_what_cannot_be_written_is_refused_in_words(shared: Sandbox, path: str) -> None:
    """Only regular files, at absolute paths, where the sandbox may write."""
    with pytest.raises(SandboxFileError):
        shared.write(path, b"x")


def test_one_command_costs_less_than_ten_milliseconds(shared: Sandbox) -> None:
    """The harness's own cost of a command in the session, as the agent runs them."""
    shared.run("true", timeout=10, session=True)
    seconds = []
    for _ in range(50):
        started = time.perf_counter()
        shared.run("true", timeout=10, session=True)
        seconds.append(time.perf_counter() - started)
    assert sorted(seconds)[25] < 0.010


def test_a_closed_sandbox_says_so(fresh: Sandbox) -> None:
    """Closing twice is nothing; using it afterwards is an error with the next step."""
    fresh.close()
    fresh.close()
    with pytest.raises(SandboxError, match="start it again"):
        fresh.run("true", timeout=5)
