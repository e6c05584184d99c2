"""A person proves a login by GitHub's device flow, and their token does not outlive that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.settings import Settings, load
from jobs.github.device import Begun, DeviceFlow
from jobs.types import GitHubUnavailable, UserError
from tests.github.conftest import unheard

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.testing.github import LocalGitHub


@pytest.fixture
def settings(local: LocalGitHub, tmp_path: Path) -> Settings:
    return load({**local.environment(), "OPUS67_HOME": str(tmp_path), "REDIS_URL": "redis://x"}, dotenv=None)


@pytest.fixture
def flow(local: LocalGitHub) -> DeviceFlow:
    local.set_device_flow(interval=0)
    return DeviceFlow(local.server_url, local.client_id, unheard)


def test_the_login_is_found_and_the_token_ended(flow: DeviceFlow, local: LocalGitHub, settings: Settings) -> None:
    """While the person has not come there is nothing; then the login and its number, and no token is left."""
    begun = flow.begin()
    assert begun.verification_uri == f"{local.url}/login/device"
    waiting = flow.ask(begun.device_code, settings)
    assert (waiting.login, waiting.ended, waiting.interval) == ("", "", 5.0)
    local.authorize_device(begun.user_code, "alice")
    found = flow.ask(begun.device_code, settings)
    assert (found.login, found.ended) == ("alice", "")
    assert found.github_id == str(local.add_user("alice").id)
    assert [token.revoked for token in local.user_tokens] == [True]
    assert flow.ask(begun.device_code, settings).ended == "GitHub does not know the code any more"


def test_every_end_has_its_words(flow: DeviceFlow, local: LocalGitHub, settings: Settings) -> None:
    """Declined, too late, and switched off."""

    def ended(begun: Begun) -> str:
        return flow.ask(begun.device_code, settings).ended

    declined, late, off = flow.begin(), flow.begin(), flow.begin()
    local.deny_device(declined.user_code)
    local.expire_device(late.user_code)
    assert ended(declined) == "it was declined on GitHub"
    assert ended(late) == "nobody confirmed it in time"
    local.set_device_flow(enabled=False)
    assert "do not enable" in ended(off)
    with pytest.raises(UserError, match="Device Flow"):
        flow.begin()


def test_who_is_told_to_slow_down_waits_for_what_github_says(local: LocalGitHub, settings: Settings) -> None:
    """The new interval is passed on."""
    flow = DeviceFlow(local.server_url, local.client_id, unheard)
    begun = flow.begin()
    assert begun.interval == 5
    flow.ask(begun.device_code, settings)
    assert flow.ask(begun.device_code, settings).interval == 10


def test_a_github_that_is_away_is_an_outage(settings: Settings) -> None:
    """Nobody is told that a code was wrong because of that."""
    with pytest.raises(GitHubUnavailable):
        DeviceFlow("http://127.0.0.1:9", "Iv1.x", unheard).begin()
