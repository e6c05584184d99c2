"""The app's manifest says what the code does: no scope too few, none too many."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.commands import ENTRIES
from bot.slack_bot import hearing
from bot.slack_bot.web import slack_blueprint
from jobs.testing.slack.manifest import NEEDED_BY_EVENT, read
from jobs.testing.slack.methods import METHODS
from jobs.testing.slack.methods.registry import HISTORY
from tests.slack.conftest import MANIFEST

SOURCE = Path(hearing.__file__).parent
SHORT_DESCRIPTION, LONGEST_HINT = 140, 1000


@pytest.fixture
def manifest() -> dict[str, Any]:
    """Return the manifest as it is pasted."""
    loaded: dict[str, Any] = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    return loaded


def test_slack_takes_it(manifest: dict[str, Any]) -> None:
    """It is whole, and its texts are as short as Slack wants them."""
    assert read(manifest).interactive
    assert len(manifest["display_information"]["description"]) <= SHORT_DESCRIPTION
    assert len(manifest["features"]["slash_commands"][0]["usage_hint"]) <= LONGEST_HINT


def test_it_asks_for_the_scopes_that_are_used(manifest: dict[str, Any]) -> None:
    """They are those of the methods that the code calls, of the events that it hears, and of its command."""
    written = "\n".join(path.read_text(encoding="utf-8") for path in SOURCE.glob("*.py"))
    called = {name for name in METHODS if f'"{name}"' in written}
    assert {"chat.postMessage", "chat.update", "chat.postEphemeral", "reactions.add"} <= called
    needed = {METHODS[name].scope for name in called} | {"commands"}
    needed |= {NEEDED_BY_EVENT[name] for name in manifest["settings"]["event_subscriptions"]["bot_events"]}
    needed |= set(HISTORY.values()) if "conversations.history" in called else set()
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == needed - {""}


def test_it_hears_what_has_a_listener(manifest: dict[str, Any]) -> None:
    """Every event that it subscribes to is listened to, and the command is ours, with usages of the table."""
    written = (SOURCE / "hearing.py").read_text(encoding="utf-8")
    events = {name.partition(".")[0] for name in manifest["settings"]["event_subscriptions"]["bot_events"]}
    assert events == set(re.findall(r'app\.event\("(\w+)"\)', written))
    [command] = manifest["features"]["slash_commands"]
    assert command["command"] == hearing.COMMAND
    assert command["usage_hint"] == " \u00b7 ".join(ENTRIES[name].usage for name in ("bg", "bg status", "help"))


def test_all_addresses_are_the_one_that_is_served(manifest: dict[str, Any]) -> None:
    """Commands, events, buttons and searches come to POST /slack/events, at a host that is a placeholder."""
    urls = set(re.findall(r"https://(?!api\.slack\.com)\S+", MANIFEST.read_text(encoding="utf-8")))
    assert urls == {"https://opus67.example.com/slack/events"}
    assert '"/slack/events"' in (SOURCE / "web.py").read_text(encoding="utf-8")
    assert callable(slack_blueprint)
    assert manifest["settings"]["socket_mode_enabled"] is False
