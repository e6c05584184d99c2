"""Answers to interactions: the first one within three seconds, more within fifteen minutes."""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING

from jobs.testing.local_discord import command_rules, component_rules, happenings, shapes
from jobs.testing.local_discord.errors import Form, Refused, unknown
from jobs.testing.local_discord.message_rules import Draft, draft
from jobs.testing.local_discord.records import AUTOCOMPLETE, COMMAND, COMPONENT, EPHEMERAL, MODAL, Interaction
from jobs.testing.local_discord.router import Call, Router, nothing, reply

if TYPE_CHECKING:
    from jobs.testing.local_discord.records import JSON, Message
    from jobs.testing.loopback import Answer

router = Router()

SAY, DEFER, DEFER_UPDATE, UPDATE, COMPLETE, ASK = 4, 5, 6, 7, 8, 9


@router.route("POST", "/interactions/{interaction_id}/{interaction_token}/callback", anyone=True)
def callback(call: Call) -> Answer:
    """Take the first answer to an interaction; it must be of a type that fits, and in time."""
    world = call.world
    one = _find(call, "interaction_token")
    if one is None or one.id != call.snowflake("interaction_id"):
        raise unknown("Interaction")
    if one.acknowledged is not None:
        raise Refused(400, 40060, "Interaction has already been acknowledged.")
    if one.failed or world.late(one):
        raise unknown("Interaction")
    kind = _kind(call, one)
    _answers[kind](call, one)
    # Who waits for the answer looks at its type, so that comes last.
    one.seconds = time.monotonic() - one.started
    one.acknowledged = kind
    if not call.flag("with_response"):
        return nothing()
    return reply(_callback_answer(call, one))


def _kind(call: Call, one: Interaction) -> int:
    fitting = {COMMAND: (SAY, DEFER, ASK), COMPONENT: (SAY, DEFER, DEFER_UPDATE, UPDATE, ASK)}
    fitting |= {AUTOCOMPLETE: (COMPLETE,), MODAL: (SAY, DEFER)}
    allowed = fitting[one.kind]
    if one.kind == MODAL and one.message is not None:
        allowed = (*allowed, DEFER_UPDATE, UPDATE)
    form = Form()
    form.one_of(["type"], call.given("type"), allowed)
    form.finish()
    return int(call.given("type"))


def _say(call: Call, one: Interaction) -> None:
    made = draft(call.given("data"), call.uploads, at=["data"])
    one.response = _answer_message(call, one, made)


def _defer(call: Call, one: Interaction) -> None:
    flags = (call.given("data") or {}).get("flags") or 0
    one.response = _answer_message(call, one, Draft(flags=flags & EPHEMERAL), loading=True)


def _defer_update(_: Call, one: Interaction) -> None:
    one.response = one.message


def _update(call: Call, one: Interaction) -> None:
    made = draft(call.given("data"), call.uploads, at=["data"], partial=True)
    if one.message is None or one.message.deleted:
        raise unknown("Message")
    happenings.edit_message(call.world, one.message, made)
    one.response = one.message


def _complete(call: Call, one: Interaction) -> None:
    form, at = Form(), ["data", "choices"]
    listed = form.items([*at], (call.given("data") or {}).get("choices"), command_rules.CHOICES)
    one.choices = command_rules.check_choices(form, [*at], listed, focused(one)["type"])
    form.finish()


def _ask(call: Call, one: Interaction) -> None:
    one.modal = component_rules.modal(call.given("data"))


_answers = {SAY: _say, DEFER: _defer, DEFER_UPDATE: _defer_update, UPDATE: _update, COMPLETE: _complete, ASK: _ask}


def focused(one: Interaction) -> JSON:
    """Return the option that is being typed in an autocomplete interaction."""
    options: list[JSON] = list(one.data["options"])
    while options:
        option = options.pop()
        if option.get("focused"):
            return option
        options += option.get("options", [])
    raise unknown("Interaction")


def _answer_message(call: Call, one: Interaction, made: Draft, *, loading: bool = False) -> Message:
    return happenings.create_message(
        call.world,
        one.channel,
        call.world.bot,
        made,
        interaction=one,
        only_for=one.user if made.ephemeral else None,
        loading=loading,
        reference=one.message if one.kind == COMPONENT else None,
        kind=happenings.CHAT_COMMAND if one.kind == COMMAND else happenings.REPLY * (one.kind == COMPONENT),
    )


def _callback_answer(call: Call, one: Interaction) -> JSON:
    told: JSON = {"id": str(one.id), "type": one.kind, "channel_id": str(one.channel.id)}
    if one.channel.guild is not None:
        told["guild_id"] = str(one.channel.guild.id)
    answer: JSON = {"interaction": told}
    if one.response is not None:
        told |= {
            "response_message_id": str(one.response.id),
            "response_message_loading": one.response.loading,
            "response_message_ephemeral": one.response.ephemeral,
        }
        if one.acknowledged != DEFER_UPDATE:
            kind = SAY if one.acknowledged == DEFER else one.acknowledged
            answer["resource"] = {"type": kind, "message": shapes.message(call.world, one.response)}
    return answer


@router.route("POST", "/webhooks/{webhook_id}/{webhook_token}", anyone=True)
def follow_up(call: Call) -> Answer:
    """Say more; the first words after a deferral take the place of "thinking", with its privacy."""
    one = _acknowledged(call)
    made = draft(call.body, call.uploads)
    first = one.response
    if one.acknowledged == DEFER and first is not None and first.loading and not first.deleted:
        happenings.edit_message(call.world, first, made)
        return reply(shapes.message(call.world, first))
    message = happenings.create_message(
        call.world,
        one.channel,
        call.world.bot,
        made,
        interaction=one,
        only_for=one.user if made.ephemeral else None,
        reference=first,
        kind=happenings.REPLY if first is not None else 0,
    )
    one.followups.append(message)
    return reply(shapes.message(call.world, message))


@router.route("GET", "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}", anyone=True)
def read(call: Call) -> Answer:
    """Give an answer; ``@original`` is the first one."""
    return reply(shapes.message(call.world, _message(call)))


@router.route("PATCH", "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}", anyone=True)
def edit(call: Call) -> Answer:
    """Change an answer; whether it is ephemeral cannot be changed."""
    message = _message(call)
    happenings.edit_message(call.world, message, draft(call.body, call.uploads, partial=True))
    return reply(shapes.message(call.world, message))


@router.route("DELETE", "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}", anyone=True)
def delete(call: Call) -> Answer:
    """Take an answer away."""
    happenings.delete_message(call.world, _message(call))
    return nothing()


def _find(call: Call, name: str) -> Interaction | None:
    token = call.parameters[name].encode()
    for one in call.world.interactions:
        if hmac.compare_digest(one.token.encode(), token):
            return one
    return None


def _acknowledged(call: Call) -> Interaction:
    """Return the interaction whose token the path shows, as long as it opens anything."""
    one = _find(call, "webhook_token")
    if call.snowflake("webhook_id") != call.world.application_id:
        raise unknown("Webhook")
    if one is None or call.world.expired(one):
        raise Refused(401, 50027, "Invalid Webhook Token")
    if one.acknowledged is None or one.kind == AUTOCOMPLETE:
        raise unknown("Webhook")
    return one


def _message(call: Call) -> Message:
    one = _acknowledged(call)
    wanted = call.parameters["message_id"]
    if wanted == "@original":
        found = one.response
    else:
        number = call.snowflake("message_id")
        found = next((each for each in (one.response, *one.followups) if each is not None and each.id == number), None)
    if found is None or found.deleted:
        raise unknown("Message")
    return found
