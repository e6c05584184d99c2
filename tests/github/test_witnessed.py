"""What changes something on GitHub is told to the audit before it is sent, once per request, and again where it failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.github import GitHub, GitHubRefused
from jobs.types import AuditEntry, GitHubUnavailable, Unrecorded
from tests.github.conftest import SHOP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.testing.github import LocalGitHub


class Book:
    """Takes entries down, with how many writes GitHub had seen by then."""

    def __init__(self, local: LocalGitHub) -> None:
        self.local, self.entries, self.seen, self.closed = local, list[AuditEntry](), list[int](), False

    def __call__(self, entry: AuditEntry) -> None:
        if self.closed:
            raise Unrecorded("the audit is away")
        self.entries.append(entry)
        self.seen.append(len(self.writes()))

    def writes(self) -> list[str]:
        return [f"{one.method} {one.path}" for one in self.local.requests if one.method != "GET"]


@pytest.fixture
def book(local: LocalGitHub) -> Book:
    return Book(local)


@pytest.fixture
def client(local: LocalGitHub, book: Book) -> Iterator[GitHub]:
    key = local.private_key_pem
    made = GitHub(local.api_url, local.server_url, local.app_id, key, timeout=2.0, witness=book)
    yield made
    made.close()


def installation(client: GitHub) -> int:
    found = client.installation_for(SHOP)
    assert found is not None
    return found


def test_each_write_is_told_before_it_is_sent(client: GitHub, book: Book) -> None:
    """A token, a comment and a reaction are one entry each, ahead of the request; what only reads is none."""
    repository = client.repository(SHOP, installation(client))
    assert repository.issue(1) is not None
    repository.ensure_comment(1, "<!-- m -->", "<!-- m --> words")
    repository.react(1, "eyes")
    assert [entry.what for entry in book.entries] == [
        "github:POST app/installations/access_tokens",
        "github:POST issues/comments",
        "github:POST issues/reactions",
    ]
    assert book.seen == [0, 1, 2]
    assert len(book.writes()) == 3
    assert (book.entries[1].repository, book.entries[1].subject) == (SHOP, "issues/1/comments")
    assert book.entries[0].details["repositories"] == ["shop"]
    assert "words" not in str(book.entries)


def test_what_github_refuses_is_told_again(client: GitHub, book: Book, local: LocalGitHub) -> None:
    """A refusal and a failure of the service are rows of their own behind the first."""
    repository = client.repository(SHOP, installation(client))
    with pytest.raises(GitHubRefused):
        repository.ensure_comment(99, "<!-- m -->", "<!-- m --> words")
    refused = [entry for entry in book.entries if not entry.allowed]
    assert [(entry.what, entry.reason) for entry in refused] in (
        [],
        [("github:POST issues/comments", "GitHub answered 404")],
    )
    local.faults.add("POST", "/issues/1/comments$", status=502)
    with pytest.raises(GitHubUnavailable):
        repository.ensure_comment(1, "<!-- m -->", "<!-- m --> words")
    assert [(entry.allowed, entry.reason) for entry in book.entries[-2:]] == [
        (True, ""),
        (False, "GitHub answered 502"),
    ]


def test_a_second_request_after_a_refused_token_is_a_second_entry(
    client: GitHub, book: Book, local: LocalGitHub
) -> None:
    """When GitHub no longer takes a token, the request that is sent again is told again: rows and requests are as many."""
    repository = client.repository(SHOP, installation(client))
    repository.react(1, "eyes")
    local.world.tokens.clear()
    repository.react(1, "rocket")
    assert len([entry for entry in book.entries if entry.allowed]) == len(book.writes())
    assert [entry.reason for entry in book.entries if not entry.allowed] == ["GitHub answered 401"]


def test_nothing_is_done_that_cannot_be_told(client: GitHub, book: Book) -> None:
    """Where the audit cannot be written, no request leaves, and it is not mistaken for an outage of GitHub's."""
    repository = client.repository(SHOP, installation(client))
    book.closed = True
    with pytest.raises(Unrecorded):
        repository.react(1, "eyes")
    assert book.writes() == []
