"""Faults of the local GitHub: errors, silence, cut connections, lost answers."""

from __future__ import annotations

import http.client
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.testing.conftest import SHOP

if TYPE_CHECKING:
    from jobs.testing.github import LocalGitHub
    from tests.testing.conftest import Client, Reply

COMMENTS = f"/repos/{SHOP}/issues/1/comments"


def test_an_error_comes_as_often_as_it_was_set(github: LocalGitHub, client: Client) -> None:
    """Twice 502, then all is well; the fault counts its hits."""
    github.create_issue(SHOP, "It breaks", by="ann")
    fault = github.faults.add("GET", "/issues/1$", times=2, status=502)
    answers = [client.ask("GET", f"/repos/{SHOP}/issues/1").status for _ in range(3)]
    assert answers == [502, 502, 200]
    assert fault.hits == 2
    assert client.ask("GET", f"/repos/{SHOP}").status == 200


def test_a_secondary_limit_says_when_to_come_back(github: LocalGitHub, client: Client) -> None:
    """403 with Retry-After carries GitHub's words for it."""
    github.faults.add("*", "/repos/", status=403, headers={"Retry-After": "7"})
    answer = client.ask("GET", f"/repos/{SHOP}")
    assert (answer.status, answer.headers["Retry-After"]) == (403, "7")
    assert "secondary rate limit" in answer.json()["message"]


def test_the_lost_answer(github: LocalGitHub, client: Client) -> None:
    """With after, what was asked is done, and the caller is told that it failed."""
    github.create_issue(SHOP, "It breaks", by="ann")
    github.faults.add("POST", "/comments$", status=502, after=True)
    assert client.ask("POST", COMMENTS, {"body": "once"}).status == 502
    assert [one.body for one in github.comments(SHOP, 1)] == ["once"]


def test_a_cut_connection_before_and_after(github: LocalGitHub, client: Client) -> None:
    """A dropped request does nothing; one dropped afterwards did it."""
    github.create_issue(SHOP, "It breaks", by="ann")
    for after, comments in ((False, 0), (True, 1)):
        github.faults.add("POST", "/comments$", drop=True, after=after)
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            client.ask("POST", COMMENTS, {"body": "x"})
        assert len(github.comments(SHOP, 1)) == comments


def test_a_chosen_request_does_something_at_its_very_moment(github: LocalGitHub, client: Client) -> None:
    """``when`` chooses by what is asked, and ``then`` sees what was done by that moment: nothing before, all after."""
    github.create_issue(SHOP, "It breaks", by="ann")
    seen: list[int] = []
    for after in (False, True):
        github.faults.add(
            *("POST", "/comments$"),
            after=after,
            status=502,
            when=lambda request: b"second" in request.body,
            then=lambda: seen.append(len(github.comments(SHOP, 1))),
        )
        for body in ("first", "second"):
            client.ask("POST", COMMENTS, {"body": body})
    assert seen == [1, 3]


def test_silence_lasts_until_it_is_cleared(github: LocalGitHub, client: Client) -> None:
    """A hanging request holds its caller, and nobody else, until the faults are cleared."""
    fault = github.faults.add("GET", "/issues$", hang=True)
    ended: list[str] = []

    def ask() -> None:
        try:
            client.ask("GET", f"/repos/{SHOP}/issues")
        except (http.client.HTTPException, OSError) as error:
            ended.append(type(error).__name__)

    caller = threading.Thread(target=ask)
    caller.start()
    github.wait_for(lambda: fault.hits)
    assert client.ask("GET", f"/repos/{SHOP}").status == 200
    assert ended == []
    github.faults.clear()
    caller.join(10)
    assert ended == ["RemoteDisconnected"]


def test_a_delay_answers_late_and_truly(github: LocalGitHub, client: Client) -> None:
    """A fault with a delay alone only takes time."""
    github.faults.add("GET", f"/repos/{SHOP}$", delay=0.2)
    began = time.monotonic()
    answer: Reply = client.ask("GET", f"/repos/{SHOP}")
    assert time.monotonic() - began >= 0.2
    assert answer.json()["full_name"] == SHOP


def test_git_has_faults_too(github: LocalGitHub, client: Client) -> None:
    """A fault may be set on git's own paths."""
    github.faults.add("GET", r"\.git/info/refs", status=503)
    path = f"/{SHOP}.git/info/refs?service=git-upload-pack"
    assert client.ask("GET", path).status == 503
    assert client.ask("GET", path).status == 401


def test_waiting_has_an_end(github: LocalGitHub) -> None:
    """wait_for gives up in time and says what it waited for."""
    with pytest.raises(TimeoutError, match="a pull request did not happen"):
        github.wait_for(lambda: github.pull_requests(SHOP), timeout=0.05, what="a pull request")


def test_an_answer_takes_little_time(github: LocalGitHub) -> None:
    """A request that needs no git is answered in less than 5 ms, at best of many."""
    github.create_issue(SHOP, "It breaks", by="ann")
    connection = http.client.HTTPConnection(github.url.removeprefix("http://"), timeout=10)
    headers = {"Authorization": f"Bearer {github.mint_token()}"}
    taken = []
    for _ in range(50):
        began = time.perf_counter()
        connection.request("GET", f"/repos/{SHOP}/issues/1", headers=headers)
        connection.getresponse().read()
        taken.append(time.perf_counter() - began)
    connection.close()
    assert sorted(taken)[5] < 0.005
