"""Tells Slack: keeps each task's one message current, says moments in its thread, and answers who asked."""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.slack_bot import rendering
from bot.slack_bot.answers import answer_message, said_message
from bot.slack_bot.calling import DELETED, NO_THREAD, NOT_THERE, TOO_MUCH, Calls, Refused
from bot.slack_bot.rendering import Shown
from bot.telling import Gone, Later
from jobs.text import redact_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.slack_bot.kit import JSON
    from jobs.answer.parts import Answer
    from jobs.answer.view import TaskView
    from jobs.services import Services
    from jobs.store import ChatPlace, Notice

TASK, MOMENT, ANSWER = "opus67_task", "opus67_moment", "opus67_answer"
"""The event types of the metadata by which what we wrote is found again."""
NOD = "white_check_mark"
NODDED = "\U0001f44d"
RESPONSE_SECONDS = 29 * 60
"""Slack takes answers through a response URL for 30 minutes."""
BEFORE_SECONDS = 60.0
QUIET = {"unfurl_links": False, "unfurl_media": False, "parse": "none"}
DELETED_TWICE = "its message was deleted twice; `/opus bg status` shows it again"

log = logging.getLogger(__name__)


class SlackSurface:
    """Slack, as the teller sees it."""

    name = "slack"

    def __init__(self, services: Services) -> None:
        settings = services.settings
        self._calls = Calls(settings.slack_bot_token, settings.slack_api_url, services.store.audit)
        self._secrets = services.redacted

    def fingerprint(self, view: TaskView) -> str:
        """Return a hash of what the task's message would be."""
        return rendering.fingerprint(rendering.task_message(self._clean(view)))

    def show(self, place: ChatPlace, view: TaskView, *, look: bool) -> ChatPlace:
        """Post the task's message, or edit it; one that somebody deleted is posted anew, once."""
        view = self._clean(view)
        shown, simple = rendering.task_message(view), rendering.fallback(view)
        try:
            ts = place.external_id or (self._find_task(place, view) if look else "")
            if ts and self._edit(place.channel, ts, shown, simple):
                return self._placed(place, ts)
            if ts and place.address.get("anew"):
                raise Gone(DELETED_TWICE)
            posted = self._post(place.channel, shown, _metadata(TASK, {"task_id": view.task.id}), simple=simple)
        except Refused as refused:
            if refused.code in NOT_THERE:
                self._complain(view, refused)
            raise refused.told() from refused
        return self._placed(replace(place, address={**place.address, **({"anew": True} if ts else {})}), posted)

    def tell(self, place: ChatPlace, view: TaskView, moment: str, people: Sequence[str], *, look: bool) -> None:
        """Say a moment in the thread of the task's message."""
        view = self._clean(view)
        shown = rendering.moment_message(view, people)
        payload = {"task_id": view.task.id, "moment": moment, "of": _digest(view)}
        try:
            if look and self._find("conversations.replies", MOMENT, payload, place.channel, ts=place.external_id):
                return
            metadata, simple = _metadata(MOMENT, payload), rendering.fallback(view)
            self._post(place.channel, shown, metadata, thread=place.external_id, simple=simple)
        except Refused as refused:
            raise refused.told() from refused

    def answer(self, notice: Notice, answer: Answer) -> None:
        """Answer where something was said: to all in a thread, to who asked alone where they asked alone."""
        shown, address = answer_message(redact_all(replace(answer, data={}), self._secrets)), notice.address
        try:
            if not shown.blocks:
                self._nod(answer, address)
            elif answer.private or address.get("kind") == "command":
                self._whisper(address, shown)
            else:
                self._answer_all(notice, shown)
        except Refused as refused:
            raise refused.told() from refused

    def _edit(self, channel: str, ts: str, shown: Shown, simple: Shown | None = None) -> bool:
        """Edit a message, into a simpler one where Slack refuses its form; False where it is not there any more."""
        try:
            self._calls.call("chat.update", channel=channel, ts=ts, text=shown.text, blocks=shown.blocks, parse="none")
        except Refused as refused:
            if refused.code in TOO_MUCH and simple is not None:
                return self._edit(channel, ts, simple)
            if refused.code not in DELETED:
                raise
            return False
        return True

    def _post(
        self, channel: str, shown: Shown, metadata: JSON, *, thread: str = "", simple: Shown | None = None
    ) -> str:
        """Post a message; beside the thread where that is gone, and simpler where Slack refuses its form."""
        where = {"channel": channel, **({"thread_ts": thread} if thread else {})}
        try:
            answer = self._calls.call(
                "chat.postMessage", **where, text=shown.text, blocks=shown.blocks, metadata=metadata, **QUIET
            )
        except Refused as refused:
            if refused.code in NO_THREAD and thread:
                return self._post(channel, shown, metadata, simple=simple)
            if refused.code in TOO_MUCH and simple is not None:
                return self._post(channel, simple, metadata, thread=thread)
            raise
        return str(answer["ts"])

    def _complain(self, view: TaskView, refused: Refused) -> None:
        """Tell who asked that their task cannot be shown where they asked for it; best effort, directly."""
        task = view.task
        if task.actor.platform != self.name:
            return
        words = f"Task `{task.id}` goes on, but cannot be shown in the channel: {refused.told()}."
        said = said_message(words)
        try:
            self._calls.call("chat.postMessage", channel=task.actor.id, text=said.text, blocks=said.blocks, **QUIET)
        except Refused as error:
            log.warning("a person on Slack could not be told: %s", error)

    def _placed(self, place: ChatPlace, ts: str) -> ChatPlace:
        """Return a place with its message, and with the address at which people find that."""
        if place.external_id == ts and place.url:
            return place
        try:
            url = str(self._calls.call("chat.getPermalink", channel=place.channel, message_ts=ts).get("permalink", ""))
        except (Later, Refused):
            url = ""
        return replace(place, external_id=ts, url=url, address={**place.address, "thread": ts})

    def _find_task(self, place: ChatPlace, view: TaskView) -> str:
        oldest = f"{view.task.created_at - BEFORE_SECONDS:.6f}"
        payload = {"task_id": view.task.id}
        return self._find("conversations.history", TASK, payload, place.channel, oldest=oldest)

    def _find(self, method: str, event_type: str, payload: JSON, channel: str, **arguments: Any) -> str:
        """Return what an earlier attempt has posted; best effort, since not every channel may be read."""
        try:
            return self._calls.find(method, event_type, payload, channel=channel, **arguments)
        except Refused:
            return ""

    def _answer_all(self, notice: Notice, shown: Shown) -> None:
        """Answer in the thread, or beside what was said."""
        channel, thread = str(notice.address["channel"]), str(notice.address.get("thread", ""))
        payload = {"key": notice.key}
        if notice.attempts > 1:
            method = "conversations.replies" if thread else "conversations.history"
            where = {"ts": thread} if thread else {"oldest": f"{notice.created_at - BEFORE_SECONDS:.6f}"}
            if self._find(method, ANSWER, payload, channel, **where):
                return
        simple = Shown(shown.text, [])
        try:
            self._post(channel, shown, _metadata(ANSWER, payload), thread=thread, simple=simple)
        except Refused as refused:
            if refused.code not in NOT_THERE:
                raise
            self._whisper(notice.address, shown)

    def _whisper(self, address: Mapping[str, Any], shown: Shown) -> None:
        """Answer who asked alone: through the response URL while it is good, else in the channel, else directly."""
        url, channel, user = str(address.get("response_url", "")), str(address["channel"]), str(address["user"])
        content = {"text": shown.text, "blocks": shown.blocks}
        inside = {"thread_ts": address["inside"]} if address.get("inside") else {}
        if url and time.time() - float(address.get("asked_at", 0)) < RESPONSE_SECONDS:
            hidden = {"response_type": "ephemeral", "replace_original": False}
            if self._calls.respond(url, {**content, **hidden, **inside}):
                return
        try:
            if channel.startswith("D"):
                self._calls.call("chat.postMessage", channel=channel, **content, **QUIET, **inside)
            else:
                self._calls.call("chat.postEphemeral", channel=channel, user=user, **content, **inside)
        except Refused as refused:
            if refused.code not in NOT_THERE | NO_THREAD:
                raise
            self._calls.call("chat.postMessage", channel=user, **content, **QUIET)

    def _nod(self, answer: Answer, address: Mapping[str, Any]) -> None:
        """Say no more than that it was heard: under a message by a reaction, to a command by a sign."""
        if not answer.ok:
            return
        if not address.get("ts"):
            self._whisper(address, Shown(NODDED, []))
            return
        try:
            self._calls.call("reactions.add", channel=address["channel"], timestamp=address["ts"], name=NOD)
        except Refused as refused:
            if refused.code != "already_reacted":
                raise

    def _clean(self, view: TaskView) -> TaskView:
        """Return what is shown of a view without secrets; what is not shown is left out."""
        outcome = view.outcome
        if outcome is not None:
            patch = replace(outcome.patch, diff="") if outcome.patch else None
            checks = tuple(replace(check, output="") for check in outcome.evidence)
            outcome = replace(outcome, patch=patch, evidence=checks, salvage="", review="")
        clean: TaskView = redact_all(replace(view, task=replace(view.task, text=""), outcome=outcome), self._secrets)
        return clean


def _metadata(event_type: str, payload: JSON) -> JSON:
    return {"event_type": event_type, "event_payload": payload}


def _digest(view: TaskView) -> str:
    """Return what tells one question from the next."""
    told = f"{view.task.question}\0{view.elapsed_seconds:.3f}" if view.task.question else str(view.task.conclusion)
    return hashlib.sha256(told.encode(errors="replace")).hexdigest()[:16]
