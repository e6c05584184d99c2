"""The bot's commands as real processes beside a running product: here, elsewhere, watched, on a terminal and off it."""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from jobs.testing.loopback import Answer, Loopback
from jobs.testing.models.script import call
from jobs.types import Status
from tests.cli.shell import SECONDS, Shell, Terminal, command
from tests.conftest import short_folder
from tests.journeys.town import finish, write
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.testing.loopback import Request
    from tests.journeys.town import Story, Town

pytestmark = pytest.mark.bubblewrap
PLAN = [{"text": "Find the place", "state": "done"}, {"text": "Greet by name", "state": "in_progress"}]
ASKS = (write(), call("ask_human", question="Formal or informal?"), finish())


@pytest.fixture
def shell(town: Town) -> Iterator[Shell]:
    """Yield the operator at the machine, in an empty folder."""
    with short_folder("o67-s-") as folder:
        yield Shell(town, folder, {**town.product.environment, "HOME": str(folder)})


def story_of(town: Town, *replies: Any) -> tuple[Story, str]:
    """Return a repository whose model plays replies, and the words of a task in it."""
    story = town.story(replies or (call("update_plan", items=PLAN), write(), finish()))
    return story, f"Greet by name ({story.key})"


def heard(story: Story, words: str) -> bool:
    """Tell whether the model was told something."""
    return any(words in json.dumps(one.body) for one in story.asked())


def test_a_task_is_watched_to_its_end(town: Town, shell: Shell) -> None:
    """One line per news, then what came of it: summary, checks, size, pull request; exit code 0."""
    story, words = story_of(town)
    result = shell.run("bg", words, "--repo", story.repository, "--watch")
    assert (result.returncode, result.stderr) == (0, "")
    task = story.current
    lines = result.stdout.splitlines()
    assert lines[0] == f"Task `{task.id}` is on its way."
    assert "  ✓ Find the place" in lines
    assert "  ▸ Greet by name" in lines
    assert "│ The name was not used." in lines
    assert "1 file changed, +1 -1" in result.stdout
    assert f"/{story.repository}/pull/{story.pulls()[0].number}" in result.stdout
    assert "\x1b" not in result.stdout
    assert (task.actor.platform, task.actor.id) == ("cli", pwd.getpwuid(os.getuid()).pw_name)


def test_a_question_ends_the_watching_and_elsewhere_it_is_answered(town: Town, shell: Shell) -> None:
    """Exit code 3 with the question and how to answer; with a token, from another machine, it goes on to its end."""
    story, words = story_of(town, *ASKS)
    asked = shell.run("bg", words, "--repo", story.repository, "--watch")
    task = story.current
    assert asked.returncode == 3
    assert "│ Formal or informal?" in asked.stdout
    assert f'`opus67 answer {task.id} "your answer"`' in asked.stdout
    remote = shell.elsewhere()
    answered = remote.run("answer", task.id, "-", "--watch", text="informal\n")
    assert (answered.returncode, answered.stderr) == (0, "")
    assert "Done: a draft pull request is ready for review" in answered.stdout
    assert heard(story, "informal")


def test_elsewhere_it_answers_like_here(town: Town, shell: Shell) -> None:
    """The same words and facts over HTTP; what only operators may is refused with exit code 1."""
    story, words = story_of(town)
    remote = shell.elsewhere()
    done = remote.run("bg", words, f"--repo={story.repository}", "--watch")
    assert (done.returncode, done.stderr) == (0, "")
    task = story.current
    assert task.actor.login == "ada"
    assert remote.run("bg", "review", task.id).stdout == shell.run("bg", "review", task.id).stdout
    here, there = shell.document("bg", "status", task.id), remote.document("bg", "status", task.id)
    assert {**here, "data": None} == {**there, "data": None}
    refused = remote.run("mission", "pause", "all")
    assert refused.returncode == 1
    assert "OPUS67_OPERATORS" in refused.stdout
    stranger = shell.elsewhere("eve").run("bg", "status", task.id, "--watch")
    assert stranger.returncode == 1
    assert words not in stranger.stdout


def test_json_lines_while_it_is_watched(town: Town, shell: Shell) -> None:
    """One document in each line; the last one is the end, with what a program wants to know."""
    story, words = story_of(town)
    result = shell.run("bg", words, "--repo", story.repository, "--watch", "--json")
    documents = [json.loads(line) for line in result.stdout.splitlines()]
    assert {frozenset(one) for one in documents} == {frozenset({"ok", "task", "data", "text"})}
    assert {one["task"] for one in documents} == {story.current.id}
    last = documents[-1]["data"]
    assert (last["status"], last["conclusion"], last["files"]) == ("completed", "success", 1)
    assert last["checks"][0]["exit_code"] == 0


def test_a_bad_end_is_exit_code_1(town: Town, shell: Shell) -> None:
    """A watched task that did not end well says how to start it again."""
    other, words = story_of(town, *ASKS)
    shell.run("bg", words, "--repo", other.repository, "--watch")
    assert shell.run("cancel", other.current.id).returncode == 0
    ended = shell.run("mission", other.current.id, "--watch")
    assert ended.returncode == 1
    assert f"`opus67 retry {other.current.id}`" in ended.stdout


def test_the_repository_is_guessed_from_the_folder(town: Town, shell: Shell) -> None:
    """A checkout of a repository on this GitHub says which is meant, and that is said; elsewhere one must name it."""
    story, words = story_of(town)
    (shell.folder / ".git").mkdir()
    remote = f"{town.product.environment['GITHUB_SERVER_URL']}/{story.repository}.git"
    (shell.folder / ".git" / "config").write_text(f'[remote "origin"]\n\turl = {remote}\n')
    result = shell.run("bg", words)
    assert result.returncode == 0
    assert f"In {story.repository}, the git remote of this folder" in result.stderr
    until(story.task, seconds=SECONDS, what="the task")
    (shell.folder / ".git" / "config").unlink()
    story_of(town)
    until(lambda: len(town.store.records.repositories()) > 1, seconds=SECONDS, what="another repository")
    unnamed = shell.run("bg", words)
    assert (unnamed.returncode, "--repo owner/name" in unnamed.stdout) == (1, True)


def test_ctrl_c_ends_the_watching_only(town: Town, shell: Shell) -> None:
    """The task goes on, how to watch it again is said, and the exit code is 130."""
    gate = town.gate()
    story, words = story_of(town, gate.before(write()), finish())
    watching = subprocess.Popen(
        command("bg", words, "--repo", story.repository, "--watch"),
        cwd=shell.folder,
        env=shell.settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    gate.wait()
    until(lambda: "Working" in (watching.stdout.readline() if watching.stdout else ""), seconds=SECONDS, what="news")
    watching.send_signal(signal.SIGINT)
    _, errors = watching.communicate(timeout=SECONDS)
    task = story.current
    assert watching.returncode == 130
    assert f"task {task.id} goes on" in errors
    assert "Traceback" not in errors
    assert task.status is Status.IN_PROGRESS
    gate.open()
    story.reaches(Status.COMPLETED)


def test_a_web_process_that_dies_ends_no_watching(town: Town, shell: Shell) -> None:
    """It is started again meanwhile, and the watching goes on to the end of the task."""
    gate = town.gate()
    story, words = story_of(town, gate.before(write()), finish())
    remote = shell.elsewhere()
    watching = subprocess.Popen(
        command("bg", words, "--repo", story.repository, "--watch"),
        cwd=shell.folder,
        env=remote.settings,
        stdout=subprocess.PIPE,
        text=True,
    )
    gate.wait()
    town.kill("web")
    gate.open()
    output, _ = watching.communicate(timeout=SECONDS)
    assert watching.returncode == 0
    assert "Pull request: " in output
    town.product.wait_until_healthy()


def test_on_a_terminal_it_is_drawn_in_place_and_answered_there(town: Town, shell: Shell) -> None:
    """The block is drawn over itself; the question is asked right there, and the work goes on with the answer."""
    story, words = story_of(town, call("update_plan", items=PLAN), *ASKS)
    terminal = Terminal(shell, "bg", words, "--repo", story.repository, "--watch")
    terminal.until("Your answer (nothing leaves the question open): ")
    assert re.search(r"\x1b\[\d+A", terminal.seen)
    assert "\x1b[J" in terminal.seen
    assert "▸ Greet by name" in terminal.seen
    terminal.type("informal, please")
    terminal.until("Pull request: ")
    assert terminal.ends() == 0
    assert heard(story, "informal, please")


def test_on_a_terminal_a_plan_is_approved_there(town: Town, shell: Shell) -> None:
    """The plan is shown, nothing typed leaves it with exit code 3, and `a` starts the work."""
    story, words = story_of(town, call("finish", plan="1. Greet by name."), write(), finish())
    terminal = Terminal(shell, "plan", words, "--repo", story.repository, "--watch")
    terminal.until("[a]pprove the plan, [r]eject it, or nothing to leave it: ")
    terminal.type("")
    assert terminal.ends() == 3
    again = Terminal(shell, "bg", "status", story.current.id, "--watch")
    again.until("[a]pprove the plan")
    again.type("a")
    again.until("Pull request: ")
    assert again.ends() == 0


def test_colour_is_for_terminals_that_want_it(town: Town, shell: Shell) -> None:
    """A diff is coloured on a terminal, and plain with NO_COLOR, in a pipe, and on a dumb one."""
    story = town.story().ask()
    story.reaches(Status.COMPLETED)
    review = ("bg", "review", story.current.id)
    shown = {}
    for name, settings in {"colour": {"TERM": "xterm"}, "none": {"NO_COLOR": "1"}, "dumb": {"TERM": "dumb"}}.items():
        terminal = Terminal(shell, *review, **settings)
        assert terminal.ends() == 0
        shown[name] = terminal.seen
    assert '\x1b[32m+    return f"Hello, {name}"\x1b[0m' in shown["colour"]
    assert "\x1b" not in shown["none"] + shown["dumb"] + shell.run(*review).stdout


def test_questions_about_the_fleet_need_no_github(town: Town, shell: Shell) -> None:
    """Status, mission, cost and why are answered while GitHub is away; new work is exit code 4."""
    story = town.story().ask()
    task = story.reaches(Status.COMPLETED)
    away = Shell(town, shell.folder, {**shell.settings, "GITHUB_API_URL": "http://127.0.0.1:9"})
    lines = (("bg", "status"), ("bg", "status", task.id), ("mission", "status"), ("mission", "agents"))
    for line in (*lines, ("mission", task.id), ("cost", "week", "by", "repo"), ("why", task.id), ("whoami",)):
        result = away.run(*line)
        assert (result.returncode, result.stderr) == (0, ""), line
        assert result.stdout.strip()
    unreachable = away.run("bg", "Greet by name", "--repo", story.repository)
    assert unreachable.returncode == 4
    assert "GitHub cannot be reached now" in unreachable.stderr
    assert "Traceback" not in unreachable.stderr


def test_without_the_service_running_the_work_is_stored(town: Town, shell: Shell) -> None:
    """Nobody works on it yet, which is said; it is done when `up` runs."""
    story, words = story_of(town)
    (shell.folder / "var").mkdir()
    still = Shell(town, shell.folder, {**shell.settings, "OPUS67_HOME": str(shell.folder / "var")})
    first = still.run("bg", words, "--repo", story.repository)
    assert first.returncode == 2
    assert "There is no database yet. `opus67 up` makes it" in first.stderr
    assert list((shell.folder / "var").iterdir()) == []
    assert still.run("migrate").returncode == 0
    stored = still.run("bg", words, "--repo", story.repository)
    assert (stored.returncode, stored.stderr) == (0, "")
    assert "`opus67 up` does not run here" in stored.stdout
    assert len(still.document("bg", "status")["data"]["tasks"]) == 1


def test_a_service_that_is_away_is_exit_code_4(shell: Shell) -> None:
    """Nobody listens, or the web process is ill: both are told with the address, as JSON too."""
    token = f"opus67_{'x' * 43}"
    for status in (0, 500):
        answers = Loopback(lambda _request, status=status: Answer(status, b"oh"))  # type: ignore[misc]
        answers.start()
        url = answers.url
        if not status:
            answers.stop()
        away = Shell(shell.town, shell.folder, {"PATH": "/usr/bin", "OPUS67_URL": url, "OPUS67_TOKEN": token})
        result = away.run("bg", "status")
        assert result.returncode == 4
        assert url in result.stderr
        document = away.document("bg", "status")
        assert (document["ok"], document["data"]["exit_code"]) == (False, 4)
        answers.stop()


def test_what_is_wrong_with_address_or_token_is_told(shell: Shell) -> None:
    """Exit code 2 for a missing or unknown token and for an address where something else answers."""
    url = f"http://127.0.0.1:{shell.town.product.port}"
    lacking = Shell(shell.town, shell.folder, {"PATH": "/usr/bin", "OPUS67_URL": url})
    assert "OPUS67_TOKEN is not set. `opus67 token create" in lacking.run("whoami").stderr
    unknown = Shell(shell.town, shell.folder, {**lacking.settings, "OPUS67_TOKEN": f"opus67_{'x' * 43}"})
    result = unknown.run("whoami")
    assert (result.returncode, "is not known there" in result.stderr) == (2, True)
    other = Loopback(lambda _request: Answer(404, b"<html>"))
    other.start()
    strange = Shell(shell.town, shell.folder, {**unknown.settings, "OPUS67_URL": other.url}).run("whoami")
    other.stop()
    assert (strange.returncode, "Check OPUS67_URL" in strange.stderr) == (2, True)


def test_a_lost_answer_is_asked_for_again_and_done_once(town: Town, shell: Shell) -> None:
    """The connection breaks after the service was told: the same key goes out again, and the task is started once."""
    import httpx  # noqa: PLC0415 - for this test

    story, words = story_of(town)
    remote, keys = shell.elsewhere(), []
    service = remote.settings["OPUS67_URL"]

    def pass_on(request: Request) -> Answer:
        headers = {"Authorization": request.headers["authorization"]}
        reply = httpx.request(
            request.method, f"{service}{request.target}", content=request.body, headers=headers, timeout=60
        )
        keys.append(json.loads(request.body)["key"])
        if len(keys) == 1:
            return Answer(503, b"the way was lost", {"Retry-After": "0"})
        return Answer(reply.status_code, reply.content, {"Content-Type": "application/json"})

    way = Loopback(pass_on)
    way.start()
    flaky = Shell(town, shell.folder, {**remote.settings, "OPUS67_URL": way.url})
    result = flaky.run("bg", words, "--repo", story.repository)
    way.stop()
    assert result.returncode == 0, result.stderr
    assert len(set(keys)) == 1
    assert len(keys) == 2
    assert len(story.tasks()) == 1
    story.reaches(Status.COMPLETED)


def test_a_token_is_shown_once_and_can_be_revoked(town: Town, shell: Shell) -> None:
    """Created with a name and a login, listed without itself, worthless when revoked; only on the machine itself."""
    created = shell.run("token", "create", "laptop", "--login", "@ada")
    token = created.stdout.splitlines()[0]
    assert re.fullmatch(r"opus67_[\w-]{43}", token)
    again = shell.run("token", "create", "laptop", "--login", "ada")
    assert (again.returncode, "a token of the name laptop already" in again.stderr) == (1, True)
    listed = shell.run("token", "list")
    assert re.search(r"^laptop +ada +\d{4}-", listed.stdout, re.MULTILINE)
    assert token not in listed.stdout
    assert shell.run("token", "create", "x", "--login", "not a login").returncode == 2
    assert shell.run("token", "revoke", "laptop").returncode == 0
    assert shell.run("token", "revoke", "laptop").returncode == 1
    remote = shell.elsewhere().run("token", "list")
    assert (remote.returncode, "made on the machine of the service" in remote.stderr) == (2, True)
    assert token not in town.product.log
