"""What a channel sees: one message for a task, its thread, answers where they belong; and an outage caught up."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.slack_bot.calling import CURES
from bot.slack_bot.telling import NODDED, SlackSurface
from bot.telling import ChatTeller
from jobs.answer.parts import Answer, Say, refused, said
from jobs.types import Conclusion, Outcome, Phase, PlanItem
from tests.slack.views import DONE, QUESTION

if TYPE_CHECKING:
    from jobs.services import Services
    from jobs.testing.slack.records import Message
    from jobs.types import Task
    from tests.slack.conftest import Office


@dataclass
class Telling:
    """The teller of this installation, with a clock of the test's own."""

    services: Services
    office: Office
    task: Task
    now: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        self.teller = ChatTeller(self.services, SlackSurface(self.services))

    def round(self, times: int = 1) -> None:
        """Let a minute pass, and go round once."""
        for _ in range(times):
            self.now += 61.0
            self.teller.round(self.now)

    def answer(self, address: dict[str, Any], answer: Answer, key: str = "slack-1") -> None:
        """Store an answer, and tell it."""
        with self.services.store.write() as connection:
            self.services.store.notices.add(connection, "slack", key, address, answer.dump(), self.now)
        self.round()

    def claim(self) -> int:
        """Begin the task's work, and return the attempt."""
        taken = self.services.store.tasks.claim(self.task.id, "worker", time.time())
        assert taken is not None
        return taken.task.attempt

    @property
    def roots(self) -> list[Message]:
        """What stands in the channel."""
        return [one for one in self.office.dev.messages if not one.deleted]


@pytest.fixture
def telling(office: Office, services: Services) -> Telling:
    """Return the teller, and a task of Ann's that is shown in the channel."""
    task = office.submit()
    with office.store.write() as connection:
        office.store.showing.show(connection, task.id, "slack", office.dev.id, {})
    return Telling(services, office, task)


def test_a_task_is_one_message_with_its_story_in_the_thread(telling: Telling, office: Office) -> None:
    """It is edited as the work goes on; the question and the result are said in its thread, to who asked."""
    telling.round(3)
    [root] = telling.roots
    assert len(root.versions) == 1
    attempt, tasks = telling.claim(), office.store.tasks
    tasks.progress(telling.task.id, attempt, Phase.CODING, [PlanItem("one", "done"), PlanItem("two")])
    telling.round(2)
    assert len(root.versions) == 2
    tasks.wait(telling.task.id, attempt, question=QUESTION, worked=12.0)
    telling.round(2)
    [question] = root.replies
    ann = office.slack.user("ann")
    assert {"type": "user", "user_id": ann.id} in question.blocks[0]["elements"][0]["elements"]
    assert [block["type"] for block in question.blocks[-2:]] == ["input", "actions"]
    assert [block["type"] for block in root.blocks].count("input") == 1
    assert telling.roots == [root]


def test_the_end_is_told_and_then_it_is_quiet(telling: Telling, office: Office) -> None:
    """The result comes once, and nothing is edited any more."""
    telling.round()
    outcome = replace(DONE, pull_request="https://github.com/octo/shop/pull/42")
    office.store.tasks.complete(telling.task.id, telling.claim(), outcome, worked=60.0, now=time.time())
    telling.round(5)
    [root] = telling.roots
    assert len(root.versions) == 2
    assert [reply.text for reply in root.replies] == [f"<@{office.slack.user('ann').id}> {root.text}"]
    assert "Done" in root.text
    assert not office.store.showing.due("slack", telling.now + 1e6)
    [place] = office.store.showing.of_task(telling.task.id)
    assert (place.external_id, place.url.endswith(root.ts.replace(".", ""))) == (root.ts, True)


def test_no_secret_is_shown(telling: Telling, office: Office) -> None:
    """A token that a model quotes is not told, in the task's message as in answers."""
    token = office.settings.slack_bot_token
    telling.answer({"kind": "message", "channel": office.dev.id, "user": "U1"}, said(f"It is {token}"))
    outcome = Outcome(Conclusion.FAILURE, f"The token is {token}.")
    office.store.tasks.complete(telling.task.id, telling.claim(), outcome, worked=1.0, now=time.time())
    telling.round(2)
    shown = str([(one.text, one.blocks) for one in office.dev.everything])
    assert token not in shown
    assert "[redacted]" in shown


def test_a_lost_answer_posts_nothing_twice(telling: Telling, office: Office) -> None:
    """Slack did what was asked and the answer was lost: the message is found by its metadata."""
    for _ in range(2):
        office.slack.faults.add("POST", "chat.postMessage", drop=True, after=True)
    telling.round(3)
    office.store.tasks.complete(telling.task.id, telling.claim(), DONE, worked=1.0, now=time.time())
    telling.round(4)
    assert len(telling.roots) == 1
    assert len(telling.roots[0].replies) == 1


def test_an_outage_is_caught_up(telling: Telling, office: Office) -> None:
    """While Slack is away nothing is lost; when it is back the channel shows how it is now."""
    telling.round()
    office.slack.down()
    attempt = telling.claim()
    office.store.tasks.progress(telling.task.id, attempt, Phase.CODING, [PlanItem("one")])
    telling.round(3)
    office.store.tasks.complete(telling.task.id, attempt, DONE, worked=1.0, now=time.time())
    telling.round()
    office.slack.up()
    telling.round(3)
    [root] = telling.roots
    assert [len(root.versions), len(root.replies)] == [2, 1]


@pytest.mark.parametrize("fault", [{"status": 429, "headers": {"Retry-After": "7"}}, {"status": 500}, {"status": 503}])
def test_slack_may_ask_for_quiet(telling: Telling, office: Office, fault: dict[str, Any]) -> None:
    """A rate limit is waited out, for as long as Slack says."""
    office.slack.faults.add("POST", "chat.postMessage", **fault)
    telling.round()
    assert telling.roots == []
    before = len(office.slack.calls)
    telling.teller.round(telling.now + 1.0)
    assert len(office.slack.calls) == before
    telling.round()
    assert len(telling.roots) == 1


def test_a_message_that_was_deleted_comes_again_once(telling: Telling, office: Office) -> None:
    """Somebody who deletes it twice does not want it there."""
    telling.round()
    attempt, world = telling.claim(), office.slack.world
    for percent in range(3):
        with world.change():
            for root in telling.roots:
                world.delete(root)
        items = [PlanItem(str(number), "done") for number in range(percent + 1)]
        office.store.tasks.progress(telling.task.id, attempt, Phase.CODING, items)
        telling.round(2)
        assert len(telling.roots) == (1 if percent == 0 else 0)


def test_a_channel_without_the_bot_is_told_to_who_asked(telling: Telling, office: Office) -> None:
    """The person hears directly what helps, once; the work goes on."""
    office.slack.remove_bot("dev")
    telling.round(3)
    [message] = office.slack.direct("ann").messages
    assert "/invite @opus67" in str(message.blocks)
    assert "/invite @opus67" in CURES["not_in_channel"]
    assert office.store.tasks.get(telling.task.id) is not None


def test_an_archived_channel_is_given_up(telling: Telling, office: Office) -> None:
    """Nothing is tried there again."""
    telling.round()
    office.slack.archive("dev")
    office.store.tasks.progress(telling.task.id, telling.claim(), Phase.CODING, [PlanItem("one")])
    telling.round(3)
    assert len(office.slack.calls_of("chat.update")) == 1


def test_a_wrong_token_waits_for_the_operator(telling: Telling, office: Office) -> None:
    """What only the operator can mend gives nothing up."""
    body = b'{"ok": false, "error": "token_revoked"}'
    office.slack.faults.add("POST", "chat.postMessage", status=200, body=body, times=2)
    telling.round(2)
    assert telling.roots == []
    telling.round(2)
    assert len(telling.roots) == 1


def test_a_form_that_slack_refuses_becomes_a_simple_one(telling: Telling, office: Office) -> None:
    """The message comes all the same, with its buttons."""
    office.slack.faults.add(
        "POST", "chat.postMessage", status=200, body=b'{"ok": false, "error": "msg_blocks_too_long"}'
    )
    telling.round()
    [root] = telling.roots
    assert [block["type"] for block in root.blocks] == ["header", "rich_text", "rich_text", "actions"]


def test_a_command_is_answered_to_who_gave_it(telling: Telling, office: Office, web: str) -> None:
    """Through the response URL while it is good, in the channel afterwards; nobody else sees it."""
    office.slack.command("ann", "dev", "bg status")
    [heard] = office.heard
    telling.answer(dict(heard.address), said("Nothing runs."))
    assert [(one.text, one.response_type) for one in office.slack.responses] == [("Nothing runs.", "ephemeral")]
    old = {**heard.address, "asked_at": time.time() - 3600}
    telling.answer(old, refused("No."), "slack-2")
    office.slack.faults.add("POST", "commands/", status=404)
    telling.answer(dict(heard.address), said("Yes."), "slack-3")
    assert [one.text for one in office.dev.whispers] == ["Nothing runs.", "\u26a0\ufe0f No.", "Yes."]
    assert {one.visible_to for one in office.dev.whispers} == {office.slack.user("ann").id}


def test_where_the_bot_is_not_a_command_is_answered_directly(telling: Telling, office: Office, web: str) -> None:
    """Slash commands work everywhere, and so does their answer."""
    office.slack.add_channel("other", ["ann"], private=True, with_bot=False)
    office.slack.command("ann", "other", "bg status")
    [heard] = office.heard
    telling.answer({**heard.address, "asked_at": 0}, said("Nothing runs."))
    assert [one.text for one in office.slack.direct("ann").messages] == ["Nothing runs."]


def test_a_mention_is_answered_in_its_thread(telling: Telling, office: Office, web: str) -> None:
    """All read it there; a refusal only who asked; a nod is a reaction."""
    office.slack.mention("ann", "dev", "bg status")
    [heard] = office.heard
    address = dict(heard.address)
    telling.answer(address, said("Nothing runs."))
    telling.answer(address, refused("You may not."), "slack-2")
    telling.answer(address, Answer(), "slack-3")
    telling.answer(address, Answer((Say(""),), ok=False, private=True), "slack-4")
    message = next(one for one in office.dev.messages if one.ts == address["ts"])
    assert [reply.text for reply in message.replies] == ["Nothing runs."]
    assert [one.text for one in office.dev.whispers] == ["\u26a0\ufe0f You may not."]
    assert "white_check_mark" in str(message.reactions)


def test_an_answer_whose_sending_was_cut_is_said_once(telling: Telling, office: Office, web: str) -> None:
    """It is looked for in the thread before it is said again."""
    office.slack.mention("ann", "dev", "bg status")
    office.slack.faults.add("POST", "chat.postMessage", drop=True, after=True)
    telling.answer(dict(office.heard[0].address), said("Nothing runs."))
    telling.round(3)
    message = next(one for one in office.dev.messages if "bg status" in one.text)
    assert len(message.replies) == 1


def test_a_button_is_answered_in_the_tasks_thread(telling: Telling, office: Office, web: str) -> None:
    """What concerns all is said in the thread, a refusal to who pressed; a nod is a sign to who pressed."""
    telling.round()
    [root] = telling.roots
    office.slack.press("ben", root, "do:cancel")
    [heard] = office.heard
    telling.answer(dict(heard.address), said("Cancelled."))
    telling.answer(dict(heard.address), refused("You may not."), "slack-2")
    telling.answer(dict(heard.address), Answer(), "slack-3")
    assert [reply.text for reply in root.replies] == ["Cancelled."]
    assert [one.text for one in office.slack.responses] == ["\u26a0\ufe0f You may not.", NODDED]
    assert {one.visible_to for one in office.dev.whispers} == {office.slack.user("ben").id}
