"""`opus67 slack` as a process: Socket Mode, reconnecting, and a stop within seconds."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
import yaml

from bot.slack_bot.rendering import task_message
from jobs.testing.slack import LocalSlack
from jobs.testing.slack.manifest import read
from jobs.testing.slack.world import version
from tests.slack.conftest import MANIFEST, Office, Woken, opened, settings_for
from tests.slack.views import TASKS
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = "import sys; from bot.slack_bot.process import run_slack; sys.exit(run_slack(None))"


@dataclass
class Running:
    """The process, and the workspace that it is connected to."""

    office: Office
    process: subprocess.Popen[bytes]
    log: Path

    def connected(self) -> None:
        """Wait until the process hears the workspace."""
        until(
            lambda: self.office.slack.connections == 1, seconds=30, what=f"a connection ({self.log.read_text()[-500:]})"
        )


@contextmanager
def running(slack: LocalSlack, home: Path, redis_url: str) -> Iterator[Running]:
    """Run the process for a workspace."""
    settings = settings_for(slack, home, REDIS_URL=redis_url)
    environment = {
        **slack.environment(),
        "OPUS67_HOME": str(home),
        "REDIS_URL": redis_url,
        "GITHUB_APP_ID": "67",
        "GITHUB_PRIVATE_KEY": settings.github_private_key,
        "GITHUB_WEBHOOK_SECRET": "a-secret-of-this-test",
        "ANTHROPIC_API_KEY": "a-key-of-this-test",
    }
    with opened(settings) as store, (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            yield Running(Office(slack, settings, store, Woken()), process, home / "log")
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def sockets() -> Iterator[LocalSlack]:
    """Yield a workspace in which the app uses Socket Mode."""
    registration = replace(read(yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))), socket_mode=True)
    with LocalSlack(registration=registration, retry_pace=0.15) as made:
        made.add_channel("dev", ["ann", "ben"])
        yield made
        assert [(one.error, one.messages) for one in made.violations] == []


@pytest.fixture
def live(sockets: LocalSlack, home: Path, empty_valkey_url: str) -> Iterator[Running]:
    """Yield the process, connected."""
    with running(sockets, home, empty_valkey_url) as made:
        made.connected()
        yield made


def words(office: Office) -> list[str]:
    """Return what was heard."""
    return [heard.words for heard in office.heard]


def test_everything_is_heard_over_a_socket(live: Running) -> None:
    """Commands, mentions, buttons and forms come without a public address; what is told goes out."""
    office, slack = live.office, live.office.slack
    assert slack.command("ann", "dev", "bg status").acknowledged
    slack.mention("ann", "dev", "add a flag")
    with slack.world.change():
        shown = task_message(TASKS["working"])
        message = slack.world.post(office.dev, slack.world.bot, version(shown.text, shown.blocks))
    slack.press("ben", message, "do:pause")
    slack.press("ben", message, "form:steer")
    [view] = slack.open_views
    slack.submit("ben", view, {"text": "be quick"})
    assert words(office) == ["bg status", "add a flag", "pause 7f3c9a", "steer 7f3c9a be quick"]
    task = office.submit()
    with office.store.write() as connection:
        office.store.showing.show(connection, task.id, "slack", office.dev.id, {})
    until(lambda: any(task.id in str(one.blocks) for one in office.dev.messages), seconds=15, what="the task's message")


def test_a_connection_that_is_cut_comes_back(live: Running) -> None:
    """What was said meanwhile is heard afterwards, once."""
    slack = live.office.slack
    slack.cut()
    slack.say("ann", "dev", f"<@{slack.bot.id}> add a flag")
    until(lambda: words(live.office) == ["add a flag"], seconds=30, what="the mention")
    slack.refresh()
    live.connected()
    until(lambda: slack.mention("ann", "dev", "bg status").acknowledged, seconds=30, what="a second connection")
    assert len(words(live.office)) == 2


def test_an_outage_of_slack_ends_well(live: Running) -> None:
    """The process lives on, and connects when Slack is back."""
    slack = live.office.slack
    slack.down()
    until(lambda: slack.connections == 0, what="the end of the connection")
    assert live.process.poll() is None
    slack.up()
    live.connected()
    assert slack.command("ann", "dev", "bg status").acknowledged
    assert words(live.office) == ["bg status"]


def test_it_stops_within_seconds(live: Running) -> None:
    """A process that is asked to stop does, without an error."""
    began = time.monotonic()
    live.process.send_signal(signal.SIGTERM)
    assert live.process.wait(15) == 0
    assert time.monotonic() - began < 20
    assert "Traceback" not in live.log.read_text()


def test_it_waits_for_a_slack_that_is_away(sockets: LocalSlack, home: Path, empty_valkey_url: str) -> None:
    """Started during an outage it tries again; asked to stop meanwhile it stops."""
    sockets.down()
    with running(sockets, home, empty_valkey_url) as made:
        until(lambda: "trying again" in made.log.read_text(), seconds=30, what="a word about it")
        sockets.up()
        made.connected()
        made.process.send_signal(signal.SIGTERM)
        assert made.process.wait(15) == 0
