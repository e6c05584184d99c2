"""With both chats, a CI and every key set: no secret goes out, none is kept, whoever says it or repeats it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from jobs.text import REDACTED
from tests.hostile.leaks import found
from tests.hostile.repeating import REPEATED
from tests.journeys.leaky import PLACES, leaking_town
from tests.journeys.searching import assert_clean, in_audit, in_processes, in_redis, on_disk, on_pages
from tests.journeys.town import seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.journeys.leaky import Leaky

IDENTIFY, RESUME = 2, 6
"""The two messages of the gateway that carry the token, which is theirs."""
FORM, CHOICES = 9, 8


@pytest.fixture(scope="module")
def leaky() -> Iterator[Leaky]:
    """Yield the town in which all was said and repeated."""
    with leaking_town() as made:
        yield made


def to_discord(leaky: Leaky) -> list[str]:
    """Return all that Discord was sent: addresses and bodies, and what was said through the gateway."""
    discord = leaky.chats.discord
    sent = [f"{one.method} {one.target}\n{one.raw_body.decode()}" for one in discord.requests]
    frames = [one for one in discord.frames if not one.sent and one.op not in {IDENTIFY, RESUME}]
    return list(dict.fromkeys([*sent, *(json.dumps(one.data) for one in frames)]))


def to_slack(leaky: Leaky) -> list[str]:
    """Return all that Slack was sent: calls, answers through response URLs, and what was said over the socket."""
    slack = leaky.chats.slack
    sent = [json.dumps([one.method, one.arguments]) for one in slack.calls]
    sent += [json.dumps([one.text, one.blocks]) for one in slack.responses]
    return list(dict.fromkeys([*sent, *(json.dumps(one.payload) for one in slack.acknowledgements)]))


def test_discord_is_sent_no_secret(leaky: Leaky) -> None:
    """Messages, edits, forms, choices, the thread with its name: whatever the agent says, in no shape."""
    sent = to_discord(leaky)
    assert {name for text in sent for name in found(text, leaky.said | leaky.kept)} == set()


def test_the_agents_words_did_reach_discord(leaky: Leaky) -> None:
    """Each sort of thing was sent, with the words around the secrets."""
    discord, thread = leaky.chats.discord, leaky.chats.discord.threads("leaks")[0]
    words = [(one.method, one.path.rpartition("/")[2], str(one.body)) for one in discord.requests]
    for method, ending, word in (
        ("POST", "messages", "Said in question"),
        ("PATCH", "", "Said in plan"),
        ("PATCH", "", "Said in summary"),
        ("POST", "threads", "greet by name"),
        ("POST", "callback", f"'type': {FORM}"),
        ("POST", "callback", f"'type': {CHOICES}"),
    ):
        sent = [text for did, end, text in words if did == method and (not ending or end == ending)]
        assert any(word in seen(text) for text in sent), (method, ending, word)
    assert "redacted" in thread.name
    assert "redacted" in str([one.choices for one in discord.interactions])
    assert sum(text.count("redacted") for text in to_discord(leaky)) > 20


def test_slack_is_sent_no_secret(leaky: Leaky) -> None:
    """The same words, in messages, edits, threads, answers and the form that names the task."""
    sent = to_slack(leaky)
    assert {name for text in sent for name in found(text, leaky.said | leaky.kept)} == set()
    form = next(one for one in leaky.chats.slack.open_views if "greet by name" in json.dumps(one.payload))
    assert REDACTED in json.dumps(form.payload)
    for word in ("Said in plan", "Said in question", "Said in summary"):
        assert any(word in seen(text) for text in sent), word


def test_github_is_sent_no_secret(leaky: Leaky) -> None:
    """Neither what the agent says nor what a service repeats is in a comment, a pull request or a check run."""
    product = leaky.chats.town.product
    writes = [one for one in product.github.requests if one.method in {"POST", "PATCH", "PUT"}]
    sent = {one.raw_body.decode() for one in writes if "git-" not in one.path}
    assert {name for text in sent for name in found(text, leaky.said | leaky.kept)} == set()
    assert all(
        any(f"Said in {place}" in seen(text) for text in sent) for place in PLACES if place in {"summary", "plan"}
    )


def test_what_services_repeat_is_told_without_the_secret(leaky: Leaky) -> None:
    """Each of them was met; people read why it failed, with a gap where the header was."""
    assert all(fault.hits for fault in leaky.faults)
    for name in ("pull", "model"):
        comment = leaky.stories[name].comment()
        assert REPEATED in comment, comment
        assert REDACTED in comment, comment
    assert leaky.chats.town.product.log.count(REPEATED) >= 2


def test_no_secret_is_logged(leaky: Leaky) -> None:
    """By no process, whoever said it."""
    assert_clean(leaky.said | leaky.kept, "the log", leaky.chats.town.product.log.encode())


def test_no_secret_is_kept(leaky: Leaky) -> None:
    """Neither in the database, with the bodies of deliveries unpacked, nor in another file, nor in Redis."""
    town = leaky.chats.town
    assert_clean(leaky.kept, "OPUS67_HOME", on_disk(town))
    assert_clean(leaky.said | leaky.kept, "Redis", in_redis(town))
    assert_clean(leaky.said | leaky.kept, "what ps shows", in_processes(town))


def test_no_secret_is_in_the_audit_or_on_a_page(leaky: Leaky) -> None:
    """Both are opened and read, those of failures among them."""
    town = leaky.chats.town
    assert_clean(leaky.said | leaky.kept, "the audit", in_audit(town))
    pages = on_pages(town)
    assert b"Said in" in pages
    assert_clean(leaky.said | leaky.kept, "the pages of tasks", pages)


def test_no_prompt_holds_what_a_service_repeats(leaky: Leaky) -> None:
    """A model is told what people say, and no key of the host's."""
    prompts = json.dumps([one.body for one in leaky.chats.town.product.model.requests]).encode()
    assert_clean(leaky.kept, "the prompts", prompts)
