"""Every door by which somebody's words come in and ask for work: what is read of them, and what people are told."""

from __future__ import annotations

import itertools
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.app import create_app
from bot.conversation import carry_out
from bot.discord_bot import forms as discord_forms
from bot.discord_bot.places import Said, Spot, from_message
from bot.discord_bot.registration import invoked
from bot.heard import Heard
from bot.inbox import handle
from bot.shell.here import Here
from bot.shell.secret import digest, fresh
from bot.slack_bot import forms as slack_forms
from bot.slack_bot import reading
from bot.slack_bot.forms import Origin
from jobs.types import Subject
from tests.bot.conftest import SHOP, Inbox
from tests.hostile.obeying import ORDER, spelled_in_tags
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jobs.answer.parts import Answer
    from jobs.services import Services
    from jobs.testing.github import LocalGitHub
    from jobs.types import Task

BOT = "4242424242"


def hide(mark: str) -> str:
    """Return words with a mark hidden in them in two ways, and characters that nobody sees in a third and a fourth."""
    unseen = f"{mark} {ORDER}"
    return f"m\u200bend it{spelled_in_tags(unseen)} <!-- {unseen} --> \u202ewell\u202c"


@dataclass(frozen=True)
class Let:
    """What came in by a door: what an agent reads of it, and what people are told of what it does not read."""

    read: str
    told: str


@dataclass
class House:
    """A repository of alice's with all of its doors, and nobody at work."""

    services: Services
    local: LocalGitHub
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def open(self) -> None:
        """Have alice be known in both chats."""
        store, number = self.services.store, str(self.local.add_user("alice").id)
        with store.write() as connection:
            store.records.save_installation(connection, self.local.installation_id, "octo", time.time())
            store.records.add_repositories(connection, self.local.installation_id, [SHOP])
            for surface in ("slack", "discord"):
                store.people.identify(connection, surface, "U1", "alice", number, "code", time.time())

    # -- GitHub -------------------------------------------------------------------------------------------------------

    def happens(self, name: str, action: str, number: int, **more: Any) -> None:
        """Have GitHub tell of something about an issue as it is now."""
        issue = self.local.issue(SHOP, number)
        told = {"number": number, "title": issue.title, "body": issue.body, "state": "open"}
        Inbox(self.services, self.local).take(name, action, issue=told, **more)

    def labelled(self, title: str = "Total", body: str = "It is wrong.") -> int:
        """Have bob write an issue, and alice label it; return its number."""
        number = self.local.create_issue(SHOP, title, body, by="bob").number
        self.local.label_issue(SHOP, number, "assign-to-opus", by="alice")
        self.happens("issues", "labeled", number, label={"name": "assign-to-opus"})
        return number

    def comments(self, number: int, text: str) -> None:
        """Have alice comment on an issue."""
        made = self.local.comment(SHOP, number, text, by="alice")
        self.happens("issue_comment", "created", number, comment={"id": made.id, "body": text})

    def task_on(self, number: int) -> Task:
        """Return the newest task on an issue."""
        task = self.services.store.tasks.latest(SHOP, Subject("issue", number))
        assert task is not None
        return task

    def answered_on(self, number: int) -> str:
        """Return what the bot said on an issue."""
        return "\n".join(one.body for one in self.local.comments(SHOP, number) if one.app is not None)

    # -- elsewhere ------------------------------------------------------------------------------------------------

    def hears(self, heard: Heard) -> Let:
        """Have something carried out that was said elsewhere; return the task that it begins, and its answer."""
        return self.begun(carry_out(self.services, heard))

    def heard(self, surface: str, words: str, options: Mapping[str, str] | None = None, **more: Any) -> Heard:
        """Return an utterance of alice's."""
        key = f"{surface}-{next(self._numbers)}"
        return Heard(surface, key, "U1", "alice", words, "C1", options={"repo": SHOP, **(options or {})}, **more)

    def begun(self, answer: Answer) -> Let:
        """Return what was let in with the task that an answer names."""
        task = self.services.store.tasks.get(answer.task_id)
        assert task is not None, answer
        assert task.removed
        return Let(f"{task.title}\n{task.text}", shown(answer))

    def under_way(self) -> Task:
        """Return a task that has not ended."""
        task = self.services.store.tasks.get(carry_out(self.services, self.heard("slack", "bg do something")).task_id)
        assert task is not None
        return task

    def unheard(self, task: Task) -> str:
        """Return what a task is told at its next step."""
        return "\n".join(text for _, _, text in self.services.store.runs.unheard(task.id))


def shown(answer: Answer) -> str:
    """Return all words of an answer."""
    return "\n".join(str(getattr(part, "text", "")) for part in answer.parts)


def issue_title(house: House, words: str) -> Let:
    task = house.task_on(house.labelled(title=words))
    return Let(task.title, "\n".join(task.removed))


def issue_body(house: House, words: str) -> Let:
    task = house.task_on(house.labelled(body=words))
    return Let(task.text, "\n".join(task.removed))


def issue_edited(house: House, words: str) -> Let:
    """It is read when somebody asks again, and not before."""
    number = house.labelled()
    first = house.task_on(number)
    house.local.edit_issue(SHOP, number, body=words, by="bob")
    house.happens("issues", "edited", number, changes={"body": {"from": "It is wrong."}})
    assert house.task_on(number).text == first.text
    house.comments(number, f"/opus bg cancel {first.id}")
    house.comments(number, "/opus retry")
    task = house.task_on(number)
    assert task.id != first.id
    return Let(task.text, "\n".join(task.removed))


def issue_behind_a_command(house: House, words: str) -> Let:
    number = house.local.create_issue(SHOP, words, words, by="bob").number
    house.comments(number, "/opus bg do what it says")
    task = house.task_on(number)
    return Let(task.text, "\n".join(task.removed))


def comment(house: House, words: str) -> Let:
    number = house.local.create_issue(SHOP, "Total", "It is wrong.", by="bob").number
    house.comments(number, f"/opus bg {words}")
    task = house.task_on(number)
    return Let(f"{task.title}\n{task.text}", "\n".join(task.removed))


def comment_to_a_task(house: House, words: str) -> Let:
    number = house.labelled()
    house.comments(number, f"/opus steer {words}")
    return Let(house.unheard(house.task_on(number)), house.answered_on(number))


def comment_as_an_answer(house: House, words: str) -> Let:
    number = house.labelled()
    claim = house.services.store.tasks.claim(house.task_on(number).id, "one", time.time())
    assert claim is not None
    house.services.store.tasks.wait(claim.task.id, claim.task.attempt, worked=0.0, question="Which?")
    house.comments(number, f"/opus answer {words}")
    return Let(house.unheard(claim.task), house.answered_on(number))


def slack_command(house: House, words: str) -> Let:
    return house.hears(house.heard("slack", reading.typed(_escaped(f"bg {words}"))))


def slack_mention(house: House, words: str) -> Let:
    said = reading.after_mention(_escaped(f"<@{BOT}> bg {words}", but=f"<@{BOT}>"), BOT)
    return house.hears(house.heard("slack", said, mention=True))


def slack_form(house: House, words: str) -> Let:
    said, options, mistakes = slack_forms.said_in({"task": {"task": {"value": words}}}, Origin("C1"))
    assert not mistakes
    return house.hears(house.heard("slack", said, options))


def slack_form_to_a_task(house: House, words: str) -> Let:
    task = house.under_way()
    origin = Origin("C1", command="steer", task_id=task.id)
    said, _, _ = slack_forms.said_in({"text": {"text": {"value": words}}}, origin)
    return Let(*_told(house, task, house.heard("slack", said)))


def discord_command(house: House, words: str) -> Let:
    given = [{"name": "task", "type": 3, "value": words}]
    group = {"name": "bg", "type": 2, "options": [{"name": "start", "type": 1, "options": given}]}
    found = invoked({"name": "opus", "options": [group]})
    assert found is not None
    return house.hears(house.heard("discord", found.words, found.options))


def discord_mention(house: House, words: str) -> Let:
    said = Said("77", Spot("C1"), "U1", "alice", f"<@{BOT}> bg --repo {SHOP} {words}", (BOT,))
    heard = from_message(said, BOT)
    assert heard is not None
    return house.hears(heard)


def discord_form(house: House, words: str) -> Let:
    fields = [{"type": 18, "component": {"custom_id": "task", "value": words}}]
    found = discord_forms.submitted({"custom_id": "opus67:form:start", "components": fields})
    assert found is not None
    return house.hears(house.heard("discord", *found))


def discord_form_to_a_task(house: House, words: str) -> Let:
    task = house.under_way()
    fields = [{"type": 18, "component": {"custom_id": "text", "value": words}}]
    found = discord_forms.submitted({"custom_id": f"opus67:form:steer:{task.id}", "components": fields})
    assert found is not None
    return Let(*_told(house, task, house.heard("discord", *found)))


def clone(house: House, words: str) -> Let:
    return house.hears(house.heard("slack", f"clone {house.under_way().id} {words}"))


def question(house: House, words: str) -> Let:
    return house.hears(house.heard("slack", f"ask {words}"))


def shell(house: House, words: str) -> Let:
    return house.begun(Here(house.services, awake=True).tell(f"bg {words}", {"repo": SHOP}))


def api(house: House, words: str) -> Let:
    token, store = fresh(), house.services.store
    store.people.add_token(digest(token), "alice-laptop", "alice", time.time())
    door = create_app(house.services.settings, store).test_client()
    said = {
        "json": {"words": f"bg {words}", "options": {"repo": SHOP}},
        "headers": {"Authorization": f"Bearer {token}"},
    }
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(door.post("/api/commands", **said)))
    asking.start()
    [guid] = until(lambda: store.deliveries.due(time.time()), what="a command in the inbox")
    handle(house.services, guid)
    asking.join(30)
    [answer] = answers
    task = store.tasks.get(answer.json["task_id"])
    assert task is not None, answer.text
    assert json.dumps(answer.json["data"]).count("hush") > 1
    return Let(f"{task.title}\n{task.text}", answer.json["text"])


def _told(house: House, task: Task, heard: Heard) -> tuple[str, str]:
    answer = carry_out(house.services, heard)
    return house.unheard(task), shown(answer)


def _escaped(text: str, but: str = "") -> str:
    """Return words as Slack sends them, with a mention of its own."""
    rest = text.removeprefix(but)
    return but + rest.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


ASKING: Mapping[str, Callable[[House, str], Let]] = {
    "the title of an issue": issue_title,
    "the body of an issue": issue_body,
    "an issue that was edited, asked for again": issue_edited,
    "an issue on which a command is said": issue_behind_a_command,
    "a command in a comment": comment,
    "words to a task in a comment": comment_to_a_task,
    "an answer to a question in a comment": comment_as_an_answer,
    "a command in Slack": slack_command,
    "a mention in Slack": slack_mention,
    "the form for a task in Slack": slack_form,
    "the form for words to a task in Slack": slack_form_to_a_task,
    "a command in Discord": discord_command,
    "a mention in Discord": discord_mention,
    "the form for a task in Discord": discord_form,
    "the form for words to a task in Discord": discord_form_to_a_task,
    "other words for the same task": clone,
    "a question": question,
    "the command line": shell,
    "the HTTP API": api,
}
"""Doors by which people ask; what they cannot see themselves is told to them where they asked."""
