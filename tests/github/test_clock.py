"""A machine whose clock is wrong: the App's tokens are dated by GitHub's clock, and no call is lost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from jobs.github import GitHub
from jobs.github.app_auth import ServerTime
from jobs.types import GitHubUnavailable
from tests.github.conftest import SHOP, unheard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.testing.github import LocalGitHub

HOURS = [7200.0, -3600.0]


class Clock:
    """A clock that tests set; ``ahead`` is in seconds."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return time.time() + self.ahead


@pytest.fixture
def clock() -> Clock:
    """Return this machine's clock."""
    return Clock()


@pytest.fixture
def github(local: LocalGitHub, clock: Clock) -> Iterator[GitHub]:
    """Yield a client on a machine with that clock."""
    key = local.private_key_pem
    client = GitHub(local.api_url, local.server_url, local.app_id, key, timeout=5.0, witness=unheard, clock=clock)
    yield client
    client.close()


def asked(local: LocalGitHub, path: str) -> list[int]:
    """Return the statuses of the answers to a path."""
    return [one.status for one in local.requests if one.path.endswith(path)]


@pytest.mark.parametrize("jump", HOURS)
def test_a_wrong_clock_costs_one_refusal(github: GitHub, local: LocalGitHub, clock: Clock, jump: float) -> None:
    """The first token is refused, the second is dated as GitHub wants it, and so are all that follow."""
    clock.ahead = jump
    for _ in range(2):
        assert github.app()["slug"] == local.slug
    assert asked(local, "/app") == [401, 200, 200]


@pytest.mark.parametrize("jump", HOURS)
def test_a_clock_that_is_set_while_it_runs_changes_nothing(
    github: GitHub, local: LocalGitHub, clock: Clock, jump: float
) -> None:
    """Tokens of installations are made once and kept as long as they are good by GitHub's clock."""
    repository = github.repository(SHOP, local.installation_id)
    assert repository.issue(1) is not None
    clock.ahead = jump
    for _ in range(3):
        assert repository.issue(1) is not None
    clock.ahead = 0.0
    assert repository.issue(1) is not None
    assert github.app()["slug"] == local.slug
    assert len(asked(local, "/access_tokens")) <= 4


def test_a_wrong_key_is_no_matter_of_the_clock(local: LocalGitHub, private_key: str) -> None:
    """GitHub's refusal is believed where its clock agrees with ours."""
    other = GitHub(local.api_url, local.server_url, 68, private_key, timeout=5.0, witness=unheard)
    with pytest.raises(Exception, match="GITHUB_APP_ID"):
        other.app()
    assert asked(local, "/app") == [401]
    other.close()


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 99 Foo 2026 00:00:00 GMT"])
def test_an_answer_without_a_time_teaches_nothing(date: str) -> None:
    """Whatever a proxy writes there, the clock stays."""
    known = ServerTime(lambda: 1000.0)
    assert not known.learn(date)
    assert known.now() == 1000.0


@pytest.mark.parametrize("ahead", [0.0, 7200.0, -3600.0])
def test_the_end_of_a_rate_limit_is_read_by_githubs_clock(
    github: GitHub, local: LocalGitHub, clock: Clock, ahead: float
) -> None:
    """How long to wait is the difference of two times that GitHub wrote, not one between its clock and ours."""
    now = time.time()
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(now + ahead + 1200))}
    headers["Date"] = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now + ahead))
    local.faults.add("GET", "/issues/1$", status=403, headers=headers)
    with pytest.raises(GitHubUnavailable) as caught:
        github.repository(SHOP, local.installation_id).issue(1)
    assert 1190 < caught.value.retry_after <= 1201


def test_while_github_wants_quiet_nobody_asks(github: GitHub, local: LocalGitHub) -> None:
    """After a Retry-After no thread of this process makes a call for that repository before its time."""
    local.faults.add("GET", "/issues/1$", status=403, headers={"Retry-After": "30"})
    repository = github.repository(SHOP, local.installation_id)
    with pytest.raises(GitHubUnavailable) as first:
        repository.issue(1)
    made = len(local.requests)
    with pytest.raises(GitHubUnavailable) as second:
        repository.create_comment(1, "hello")
    assert len(local.requests) == made
    assert 29 < second.value.retry_after <= first.value.retry_after == 30.0
