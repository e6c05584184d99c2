"""The process `opus67 discord`: it says what is wrong with its token, registers once, and stops when it is asked to."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.discord_bot.hearing import invitation
from bot.discord_bot.process import point_client
from bot.discord_bot.registration import is_registered
from jobs.store import Store
from jobs.store.tables import metadata
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.testing.local_discord import LocalDiscord
    from tests.discord_bot.conftest import Opus

RUN = (
    "import argparse, sys; from bot.discord_bot.process import run_discord; sys.exit(run_discord(argparse.Namespace()))"
)


def environment(home: Path, local: LocalDiscord, valkey_url: str, **changes: str) -> Mapping[str, str]:
    """Return what the process is started with."""
    chosen = {"OPUS67_HOME": str(home), "REDIS_URL": valkey_url, "PATH": os.environ["PATH"], **local.environment()}
    return {**chosen, **changes}


def start(values: Mapping[str, str], home: Path) -> subprocess.Popen[str]:
    """Start the process."""
    found = {**values, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen([sys.executable, "-c", RUN], env=found, cwd=home, stderr=subprocess.PIPE, text=True)


def registrations(local: LocalDiscord) -> int:
    """Return how often the slash command was registered."""
    return sum(one.method == "PUT" and one.path.endswith("/commands") for one in local.requests)


def test_it_stops_when_it_is_asked_to(home: Path, local: LocalDiscord, empty_valkey_url: str) -> None:
    """On SIGTERM the process ends within seconds, with 0 and without a traceback."""
    store = Store(f"sqlite:///{home}/opus67.sqlite3")
    metadata.create_all(store.database.engine)
    store.close()
    process = start(environment(home, local, empty_valkey_url), home)
    local.wait_for(lambda: local.connected and local.commands(), 30)
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=15)
    assert process.returncode == 0, said
    assert time.monotonic() - begun < 20
    assert "Traceback" not in said
    assert local.token not in said


def test_a_wrong_token_is_said_in_words(home: Path, local: LocalDiscord, empty_valkey_url: str) -> None:
    """A token that Discord does not know ends the process with 2 and a sentence that tells where to get one."""
    process = start(environment(home, local, empty_valkey_url, DISCORD_TOKEN="MTE.wrong.token"), home)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "Discord does not accept DISCORD_TOKEN" in said
    assert "Traceback" not in said


def test_a_missing_token_is_said_in_words(home: Path, local: LocalDiscord, empty_valkey_url: str) -> None:
    """Without a token the process says what to do."""
    process = start(environment(home, local, empty_valkey_url, DISCORD_TOKEN=""), home)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "DISCORD_TOKEN is not set" in said


def test_the_command_is_registered_once(opus: Opus, local: LocalDiscord) -> None:
    """What Discord has already is not sent again at the next start; what differs is."""
    assert is_registered(local.commands())
    opus.restart()
    assert registrations(local) == 1
    opus.stop()
    local.world.commands[0]["description"] = "changed"
    opus.start()
    local.wait_for(lambda: registrations(local) == 2, 15)
    assert is_registered(local.commands())


def test_discord_may_be_away_at_the_start(stopped: Opus, local: LocalDiscord) -> None:
    """A process that finds no Discord tries again until it is there."""
    local.down()
    stopped.begin()
    local.faults.add("GET", "/commands$", status=503)
    local.up()
    local.wait_for(lambda: local.connected and local.commands(), 30)
    assert stopped.error is None


def test_the_gateway_may_be_away_at_the_start(stopped: Opus, local: LocalDiscord) -> None:
    """A process whose first connection to the gateway fails tries again, while the API answers."""
    there = stopped.settings
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(15)
        stopped.settings = replace(there, discord_gateway_url=f"ws://127.0.0.1:{door.getsockname()[1]}")
        stopped.begin()
        door.accept()[0].close()
    point_client(there)
    local.wait_for(lambda: local.connected, 30)
    assert stopped.error is None


def test_what_was_acknowledged_is_stored_before_the_end(opus: Opus, local: LocalDiscord) -> None:
    """A command that comes in while the process is asked to stop is acknowledged and stored before it ends."""
    slow = local.faults.add("POST", "/callback$", delay=1.0)
    asked = local.command("ann", "general", "opus bg status", wait=False)
    until(lambda: slow.hits, what="it is about to be acknowledged")
    opus.stop()
    assert asked.acknowledged == 5
    assert [one.words for one in opus.heard()] == ["bg status"]


def test_a_token_that_is_taken_back_ends_the_process(stopped: Opus, local: LocalDiscord) -> None:
    """When Discord closes the connection for good, the process says why and ends."""
    stopped.start()
    local.close(4004)
    error = until(lambda: stopped.error, seconds=20, what="the process ends")
    assert "Discord does not accept DISCORD_TOKEN" in str(error)


def test_the_invitation_asks_for_what_is_needed(local: LocalDiscord) -> None:
    """The address that invites the bot asks for its scopes and permissions, and no more."""
    address = invitation(local.world.application_id)
    assert f"client_id={local.world.application_id}" in address
    assert "scope=bot+applications.commands" in address
