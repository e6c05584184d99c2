"""Tokens, errors and connections of the client."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from jobs.github import GitHub, GitHubRefused
from jobs.testing.github import LocalGitHub
from jobs.testing.loopback import Answer, Loopback
from jobs.types import GitHubUnavailable
from tests.github.conftest import SHOP, unheard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from jobs.github import Repository
    from jobs.testing.loopback import Request


@contextmanager
def serving(handle: Callable[[Request], Answer]) -> Iterator[Loopback]:
    server = Loopback(handle)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def minted(local: LocalGitHub) -> int:
    return sum(one.path.endswith("/access_tokens") for one in local.requests)


def test_a_token_is_made_once_for_one_repository_with_the_least_rights(shop: Repository, local: LocalGitHub) -> None:
    """Ten calls need one token, which covers this repository and never workflows."""
    for _ in range(10):
        shop.issue(1)
    [request] = [one for one in local.requests if one.path.endswith("/access_tokens")]
    assert request.body["repositories"] == ["shop"]
    assert request.body["permissions"] == {
        "metadata": "read",
        "contents": "write",
        "issues": "write",
        "pull_requests": "write",
        "checks": "write",
        "actions": "write",
        "statuses": "read",
    }


def test_threads_share_one_token(shop: Repository, local: LocalGitHub) -> None:
    """Threads that begin together do not each make a token."""
    threads = [threading.Thread(target=shop.issue, args=(1,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert minted(local) == 1


def test_a_token_that_github_no_longer_takes_is_replaced(github: GitHub, shop: Repository, local: LocalGitHub) -> None:
    """After a 401 the same call is made with a new token; nothing is lost and nothing done twice."""
    shop.issue(1)
    with local.world.change():
        for token in local.world.tokens.values():
            token.revoked = True
    assert shop.create_comment(1, "hello").body == "hello"
    assert len(local.comments(SHOP, 1)) == 1
    assert minted(local) == 2


def test_a_run_token_is_minted_and_revoked(github: GitHub, local: LocalGitHub) -> None:
    """The token of a run has just what was asked for, and ends when it is given back."""
    token = github.mint_token(local.installation_id, SHOP, {"contents": "write"})
    assert token.value.startswith("ghs_")
    assert token.value not in repr(token)
    github.revoke(token)
    assert local.world.tokens[token.value].revoked
    github.revoke(token)


def test_a_removed_installation_is_a_refusal_not_a_missing_file(
    github: GitHub, shop: Repository, local: LocalGitHub
) -> None:
    """Where the App is not installed any more, nothing reads as "there is no such file" or "no such person"."""
    installation_id = local.installation_id
    local.uninstall()
    with pytest.raises(GitHubRefused, match="not installed"):
        shop.read_file("README.md")
    with pytest.raises(GitHubRefused, match="not installed"):
        github.repository(SHOP, installation_id).permission("alice")
    assert github.installation_for(SHOP) is None


def test_a_missing_permission_silences_only_what_needs_it(private_key: str, home: Path) -> None:
    """An installation that never granted checks still takes comments, and a check run is refused in words."""
    granted = {"metadata": "read", "contents": "write", "issues": "write", "pull_requests": "write"}
    with LocalGitHub(home / "fewer", private_key_pem=private_key, permissions=granted) as local:
        local.create_repository(SHOP, {"README.md": "# Shop\n"})
        local.create_issue(SHOP, "Total is wrong", by="bob")
        client = GitHub(local.api_url, local.server_url, local.app_id, private_key, witness=unheard)
        shop = client.repository(SHOP, local.installation_id)
        assert shop.create_comment(1, "Hello").id
        with pytest.raises(GitHubRefused, match="permission"):
            shop.ensure_check_run(shop.head_sha(), "7f3c9a", "Opus 67", {"status": "queued"})
        client.close()


def test_a_suspended_installation_is_a_refusal(shop: Repository, local: LocalGitHub) -> None:
    """Suspension is told as such at once, not as an outage."""
    local.suspend()
    with pytest.raises(GitHubRefused, match="suspended"):
        shop.issue(1)


def test_a_key_that_is_none_is_told_with_the_cure(local: LocalGitHub) -> None:
    """A broken private key names the variable."""
    broken = GitHub(local.api_url, local.server_url, local.app_id, "no key", witness=unheard)
    with pytest.raises(GitHubRefused, match="GITHUB_PRIVATE_KEY"):
        broken.app()
    with pytest.raises(GitHubRefused, match="GITHUB_PRIVATE_KEY"):
        broken.repository(SHOP, 1).issue(1)
    broken.close()


def test_a_key_with_written_newlines_is_taken(local: LocalGitHub) -> None:
    """Environment variables often carry a key in one line."""
    client = GitHub(
        local.api_url, local.server_url, local.app_id, local.private_key_pem.replace("\n", "\\n"), witness=unheard
    )
    assert client.app()["id"] == local.app_id
    client.close()


def test_a_read_survives_two_failures(shop: Repository, local: LocalGitHub) -> None:
    """A read is tried three times."""
    local.faults.add("GET", r"/issues/1$", times=2, status=502)
    assert shop.issue(1) is not None
    local.faults.add("GET", r"/issues/1$", times=3, drop=True)
    with pytest.raises(GitHubUnavailable):
        shop.issue(1)


def test_a_write_is_made_once(shop: Repository, local: LocalGitHub) -> None:
    """A write that fails is not repeated by itself."""
    fault = local.faults.add("POST", r"/comments$", times=None, status=500)
    with pytest.raises(GitHubUnavailable):
        shop.create_comment(1, "hello")
    assert fault.hits == 1


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (403, {"Retry-After": "17"}, 17),
        (429, {"Retry-After": "40"}, 40),
        (403, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 60),
        (429, {}, 60),
        (503, {"Retry-After": "9"}, 9),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999"}, 3600),
    ],
)
def test_being_asked_to_wait_is_told_and_not_slept(
    status: int, headers: dict[str, str], wait: float, shop: Repository, local: LocalGitHub
) -> None:
    """The wait that GitHub asks for is passed on at once; the next call is not made by us."""
    shop.issue(1)
    fault = local.faults.add("GET", r"/issues/1$", times=None, status=status, headers=headers)
    began = time.monotonic()
    with pytest.raises(GitHubUnavailable) as caught:
        shop.issue(1)
    assert caught.value.retry_after == wait
    assert fault.hits == 1
    assert time.monotonic() - began < 20


def test_silence_ends_in_time(local: LocalGitHub) -> None:
    """A GitHub that says nothing holds a write no longer than the timeout."""
    client = GitHub(local.api_url, local.server_url, local.app_id, local.private_key_pem, timeout=0.3, witness=unheard)
    repository = client.repository(SHOP, local.installation_id)
    repository.issue(1)
    local.faults.add("POST", r"/comments$", hang=True)
    with pytest.raises(GitHubUnavailable, match="in time"):
        repository.create_comment(1, "hello")
    local.faults.clear()
    client.close()


def test_an_answer_that_is_not_githubs_is_an_outage(private_key: str) -> None:
    """A maintenance page of something in between is told as such."""

    def page(_request: Request) -> Answer:
        return Answer(200, b"<h1>Back soon</h1>", {"Content-Type": "text/html"})

    with serving(page) as server:
        client = GitHub(server.url, server.url, 67, private_key, witness=unheard)
        with pytest.raises(GitHubUnavailable, match="not by GitHub"):
            client.app()
        client.close()


def test_nobody_there_is_an_outage(private_key: str) -> None:
    """A closed port is an outage, in words."""
    client = GitHub("http://127.0.0.1:9", "http://127.0.0.1:9", 67, private_key, witness=unheard)
    with pytest.raises(GitHubUnavailable, match="could not be reached"):
        client.app()
    client.close()


def test_a_refusal_says_what_was_refused_and_why(shop: Repository) -> None:
    """GitHub's own reasons are passed on."""
    with pytest.raises(GitHubRefused, match="422") as caught:
        shop.ensure_pull_request("opus/not-there", "main", "Fix", "body")
    assert caught.value.status == 422
    assert "/repos/octo/shop/pulls" in str(caught.value)


def test_deliveries_are_read_by_githubs_cursor(github: GitHub, local: LocalGitHub) -> None:
    """More than a page of failed deliveries comes once each, newest first."""

    def take(_request: Request) -> Answer:
        return Answer(502)

    with serving(take) as receiver:
        local.webhook_url = f"{receiver.url}/webhooks/github"
        for number in range(130):
            local.comment(SHOP, 1, f"comment {number}", by="bob")
        local.wait_for(lambda: sum(len(one.attempts) for one in local.deliveries) >= 130, what="130 deliveries")
        first, cursor = github.failed_deliveries()
        rest, last = github.failed_deliveries(cursor)
        found = first + rest
        assert (len(first), last) == (100, "")
        assert len({entry["id"] for entry in found}) == len(found) >= 130
        github.redeliver(found[-1]["id"])
        # Some are delivered at the same time, so the oldest attempt need not be that of the oldest event.
        [oldest] = [one for one in local.deliveries if one.guid == found[-1]["guid"]]
        local.wait_for(lambda: len(oldest.attempts) == 2, what="the second attempt")
        local.webhook_url = ""


def test_a_forked_child_uses_connections_of_its_own(shop: Repository) -> None:
    """A child does not speak over its parent's sockets, and the parent goes on afterwards."""
    assert shop.issue(1) is not None
    child = os.fork()
    if child == 0:
        os._exit(0 if shop.issue(1) is not None else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert shop.issue(1) is not None


def test_the_bot_user_is_asked_for_once(github: GitHub, local: LocalGitHub) -> None:
    """Commits are made in the name of the App's bot user, with the server's private address."""
    name, address = github.bot_user()
    assert name == f"{local.slug}[bot]"
    assert address.endswith(f"+{name}@users.noreply.127.0.0.1")
    before = len(local.requests)
    assert github.bot_user() == (name, address)
    assert len(local.requests) == before


def test_warming_up_calls_nobody_and_never_fails(github: GitHub, local: LocalGitHub) -> None:
    """What is slow at the first call can be loaded before, even with a key that is none."""
    github.warm()
    broken = GitHub(local.api_url, local.server_url, local.app_id, "no key", witness=unheard)
    broken.warm()
    assert local.requests == []
    assert github.app()["id"] == local.app_id
    broken.close()
