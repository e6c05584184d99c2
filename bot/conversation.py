"""From what a surface heard to an answer: who speaks, what the channel tells, and one transaction for all of it."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bot import control, starting
from bot.acting import Actions
from bot.control import rights
from bot.control.order import CHATS, NotAllowed, Place, installation_of
from bot.events import Event
from bot.grammar import read
from bot.heard import Heard
from jobs.answer.parts import Answer, refused
from jobs.policy import OPERATOR
from jobs.scope import Scope, acting
from jobs.text.redact import redact_all
from jobs.types import Actor, GitHubUnavailable, UserError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import sqlalchemy as sa

    from jobs.services import Services
    from jobs.types import Delivery

log = logging.getLogger(__name__)


def act(services: Services, delivery: Delivery) -> None:
    """Carry out a stored utterance, and store its answer for its surface, in one transaction."""
    heard = Heard.load(delivery.body)
    actor = _who(services, heard)
    with _speaking(actor, heard):
        actions, answer = _obey(services, heard, actor)
        with services.store.write() as connection:
            actions.commit(connection)
            _answer(services, connection, heard, _final(services, actions, answer))
            services.store.deliveries.finish(connection, delivery.guid, time.time())
        actions.follow_up()
        services.waker.ring(heard.surface)
        rights.look_around(services, actor)


def carry_out(services: Services, heard: Heard) -> Answer:
    """Carry out an utterance in this process, and return its answer; raises UserError where GitHub is away."""
    actor = _who(services, heard)
    with _speaking(actor, heard):
        try:
            actions, answer = _obey(services, heard, actor)
        except GitHubUnavailable as outage:
            raise UserError(f"GitHub cannot be reached now ({outage}). Try again in a moment.") from outage
        with services.store.write() as connection:
            actions.commit(connection)
            answer = _final(services, actions, answer)
            _show(services, connection, heard, answer)
        actions.follow_up()
    services.waker.ring(*CHATS)
    return answer


def _final(services: Services, actions: Actions, answer: Answer) -> Answer:
    """Return an answer as it is given out, on whatever surface: in words, and without secrets."""
    told: Answer = redact_all(control.worded(control.final(actions, answer)), services.redacted)
    return told


def give_up(services: Services, delivery: Delivery, why: str) -> None:
    """Tell somebody that what they said could not be carried out, when nobody will try again."""
    heard = Heard.load(delivery.body)
    answer = refused(f"This could not be carried out: {why} Say it again later.")
    with services.store.write() as connection:
        _answer(services, connection, heard, answer)
    services.waker.ring(heard.surface)


def _speaking(actor: Actor, heard: Heard) -> AbstractContextManager[None]:
    """Do what follows in the name of who said something."""
    return acting(Scope(actor, f"said in {heard.surface}"))


def _obey(services: Services, heard: Heard, actor: Actor) -> tuple[Actions, Answer]:
    place = _where(services, heard)
    event = Event(
        heard.surface,
        "command",
        guid=heard.key,
        repository=place.repository,
        installation_id=place.installation_id,
        actor=actor,
    )
    actions = Actions(services, event, place=place.name)
    command = read(heard.words, mentioned=heard.mention)
    command = replace(command, options={**heard.options, **command.options})
    try:
        return actions, control.obey(actions, place, command, heard.key)
    except NotAllowed as no:
        if no.order is not None:
            task = no.order.task.id if no.order.task else ""
            starting.record(no.order.actions, no.order.subject, no.order.command.name, no.decision, task)
        words = f"{no.decision.reason[:1].upper()}{no.decision.reason[1:]}. {no.decision.cure}".strip()
        return actions, refused("" if no.decision.silent else words)


def _who(services: Services, heard: Heard) -> Actor:
    """Return who speaks: a chat user by the login that they linked, a token by its own, the operator as such."""
    if heard.surface == OPERATOR:
        return Actor(OPERATOR, heard.user_id)
    if heard.surface == "api":
        return Actor("api", heard.user_id, heard.user_id)
    return Actor(heard.surface, heard.user_id, services.store.people.login(heard.surface, heard.user_id))


def _where(services: Services, heard: Heard) -> Place:
    """Return what is understood in a channel: its repository, and the task whose thread it is."""
    # A post of a forum is a channel of its own, and bound as the forum is.
    ids = {heard.channel, str(heard.address.get("forum", heard.channel))}
    bound = next((one for one in services.settings.channels if one.surface == heard.surface and one.id in ids), None)
    task_id = services.store.records.task_at(f"{heard.surface}:{heard.channel}", heard.thread) if heard.thread else None
    task = services.store.tasks.get(task_id) if task_id else None
    repository, installation_id = "", 0
    if bound is not None:
        try:
            repository, installation_id = installation_of(services, bound.repository)
        except UserError as error:
            log.warning("the channel %s:%s: %s", bound.surface, bound.id, error)
            repository = bound.repository
    elif task is not None:
        repository, installation_id = task.repository, task.installation_id
    may = bound.may if bound else "all"
    return Place(
        heard.surface,
        heard.channel,
        repository,
        installation_id,
        None,
        task,
        bound is not None,
        may,
        heard.address,
    )


def _answer(services: Services, connection: sa.Connection, heard: Heard, answer: Answer) -> None:
    store, now = services.store, time.time()
    store.notices.add(connection, heard.surface, heard.key, heard.address, answer.dump(), now)
    _show(services, connection, heard, answer)


def _show(services: Services, connection: sa.Connection, heard: Heard, answer: Answer) -> None:
    """Have the task that an answer is about shown where it was talked of."""
    if heard.surface in CHATS and heard.channel and answer.task_id and answer.ok and not answer.private:
        address = {name: heard.address[name] for name in ("team", "guild") if name in heard.address}
        services.store.showing.show(connection, answer.task_id, heard.surface, heard.channel, address)
