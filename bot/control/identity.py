"""Who is who: a chat user proves to own a GitHub login, by GitHub's device flow or a code posted there."""

from __future__ import annotations

import logging
import re
import secrets
import time
from functools import partial
from typing import TYPE_CHECKING

from bot.control.order import CHATS, GITHUB, NotAllowed, Order, person
from bot.control.rights import is_operator, look_around
from jobs.answer.parts import Answer, Link, Part, Say, refused, said
from jobs.store import Link as LinkUnderWay
from jobs.types import Actor, Decision, GitHubUnavailable, UserError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from jobs.github.device import DeviceFlow
    from jobs.services import Services

GOOD_SECONDS = 900.0
"""How long a code is good, as long as GitHub's own device codes."""
LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without the ones that people take for each other."""
_CODE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}")

NO_CODE = Decision(
    allowed=False,
    reason="this code is not known, or its 15 minutes are over",
    cure="`/opus link` in Slack or Discord gives a new one.",
)
NOT_LINKED = Decision(
    allowed=False, reason="no account in a chat is linked to you", cure="`/opus link` in Slack or Discord links one."
)

log = logging.getLogger(__name__)


def link(order: Order) -> Answer:
    """Begin a link in a chat, or confirm one from GitHub."""
    if order.place.surface == GITHUB:
        return _confirm(order)
    if order.place.surface not in CHATS:
        return whoami(order)
    if order.command.text:
        words = (
            "Post that code on GitHub, as a comment on any issue of a repository where I am installed, and not here."
        )
        return refused(f"{words} There GitHub says who you are.")
    if order.actor.login:
        words = f"You are linked to @{order.actor.login} already. `/opus unlink` undoes it."
        return Answer((Say(words),), private=True, data={"login": order.actor.login})
    services, now = order.services, time.time()
    code = _new_code()
    flow, parts = None, list[Part]()
    if services.settings.github_client_id:
        try:
            flow = _flow(services).begin()
        except (UserError, GitHubUnavailable) as error:
            log.warning("GitHub's device flow is not to be had: %s", error)
    if flow is not None:
        parts += [Say(f"Open this page and type in `{flow.user_code}`; I tell you when it worked:")]
        parts += [Link("Link your GitHub account", flow.verification_uri), Say("Or, if you cannot reach that page:")]
    parts.append(
        Say(f"Write `/opus link {code}` as a comment on any issue of a repository where I am installed. "
            "Whoever writes it there is who you are here, so show it to nobody. It is good for 15 minutes.")
    )  # fmt: skip
    begun = LinkUnderWay(
        code=code,
        platform=order.actor.platform,
        user_id=order.actor.id,
        address=dict(order.place.address),
        expires_at=now + GOOD_SECONDS,
        device_code=flow.device_code if flow else "",
        interval=flow.interval if flow else 5.0,
        not_before=now + (flow.interval if flow else 5.0),
    )
    order.actions.change(lambda connection: services.store.people.begin_link(connection, begun))
    data = {"code": code, "user_code": flow.user_code if flow else "", "url": flow.verification_uri if flow else ""}
    return Answer(tuple(parts), private=True, data=data)


def _flow(services: Services) -> DeviceFlow:
    from jobs.github.device import DeviceFlow  # noqa: PLC0415 - GitHub's client is slow to import, and few link

    settings = services.settings
    return DeviceFlow(settings.github_server_url, settings.github_client_id, services.store.audit.record)


def _new_code() -> str:
    letters = "".join(secrets.choice(LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def _confirm(order: Order) -> Answer:
    """Take a code that somebody posted on GitHub, where GitHub itself says who that is."""
    code = order.command.text.upper()
    services, now = order.services, time.time()
    under_way = services.store.people.link_of(code, now) if _CODE.fullmatch(code) else None
    if under_way is None:
        # A refusal is said once on an issue: whoever comes by could have the bot fill it with answers.
        raise NotAllowed(NO_CODE, "to link")
    login, github_id = order.actor.login, order.actor.id
    order.actions.change(lambda connection: finish(services, connection, under_way, login, github_id, "code", now))
    order.actions.follow_ups.append(partial(services.waker.ring, under_way.platform))
    linked = Actor(under_way.platform, under_way.user_id, login)
    order.actions.follow_ups.append(partial(look_around, services, linked))
    where, account = under_way.platform.title(), re.sub(r"[^0-9A-Za-z]", "", under_way.user_id)
    words = f"@{login} is now known in {where} as account `{account}`. If that is not you, write `/opus unlink` here."
    return Answer((Say(words),), data={"login": login})


def finish(
    services: Services,
    connection: sa.Connection,
    under_way: LinkUnderWay,
    login: str,
    github_id: str,
    how: str,
    now: float,
) -> None:
    """Link, in a transaction, and say so where the person asked for it."""
    people, records, notices = services.store.people, services.store.records, services.store.notices
    if not people.end_link(connection, under_way.code):
        return
    actor = Actor(under_way.platform, under_way.user_id, login)
    decision = Decision(allowed=True, reason=f"@{login} proved it on GitHub, by {how}")
    people.identify(connection, actor.platform, actor.id, login, github_id, how, now)
    records.decided(connection, actor, "link", "", decision, now, place=actor.platform)
    words = f"You are @{login} on GitHub from now on. `/opus unlink` undoes it."
    answer = Answer((Say(words),), private=True, data={"login": login})
    key = f"linked:{under_way.code}"
    notices.add(connection, actor.platform, key, under_way.address, answer.dump(), now)


def unlink(order: Order) -> Answer:
    """Undo a link; from GitHub all links of the login, which somebody may have been talked into."""
    if order.place.surface == GITHUB:
        return _unlink_all(order)
    if order.place.surface not in CHATS:
        return refused("Only accounts of Slack and Discord are linked. Say it there.")
    if not order.actor.login:
        return said("You are not linked. `/opus link` does it.")
    people, actor = order.services.store.people, order.actor
    order.actions.change(lambda connection: people.forget(connection, actor.platform, actor.id))
    return Answer((Say(f"You are not linked to @{actor.login} any more."),), private=True)


def _unlink_all(order: Order) -> Answer:
    people, login = order.services.store.people, order.actor.login
    accounts = people.accounts(login)
    if not accounts:
        raise NotAllowed(NOT_LINKED, "to unlink")
    for platform, user in accounts:
        order.actions.change(partial(people.forget, platform=platform, user_id=user))
    where = " and ".join(sorted({platform.title() for platform, _ in accounts}))
    return Answer((Say(f"No account in {where} speaks for @{login} any more."),), data={"login": login})


def whoami(order: Order) -> Answer:
    """Tell whom the bot takes somebody for."""
    actor = order.actor
    data = {"platform": actor.platform, "id": actor.id, "login": actor.login}
    if is_operator(actor):
        words = f"You are `{actor.id}`, the operator at the machine itself: you may do everything that I may."
    elif actor.login:
        words = f"You are {person(actor)} on GitHub; what you may do is what GitHub lets you do in each repository."
        if actor.login.lower() in order.services.settings.operators:
            words += " You are an operator, too."
    else:
        words = "I do not know who you are on GitHub, so you can only look. `/opus link` tells me, once."
    return Answer((Say(words),), private=True, data=data)


def confirm_links(services: Services) -> None:
    """Ask GitHub about the device flows under way, as often as it allows; those whose time is over are forgotten."""
    store, now = services.store, time.time()
    for under_way in store.people.due_links(now):
        try:
            found = _flow(services).ask(under_way.device_code, services.settings)
        except (UserError, GitHubUnavailable) as error:
            log.warning("a link under way cannot be asked about now: %s", error)
            store.people.ask_later(under_way.code, now + 30.0, under_way.interval)
            continue
        if found.login:
            with store.write() as connection:
                finish(services, connection, under_way, found.login, found.github_id, "device", now)
            services.waker.ring(under_way.platform)
            look_around(services, Actor(under_way.platform, under_way.user_id, found.login))
        elif found.ended:
            _give_up(services, under_way, found.ended, now)
        else:
            interval = max(under_way.interval, found.interval)
            store.people.ask_later(under_way.code, now + interval, interval)
    for over in store.people.expired_links(now):
        with store.write() as connection:
            store.people.end_link(connection, over.code)


def _give_up(services: Services, under_way: LinkUnderWay, why: str, now: float) -> None:
    answer = refused(f"The link did not come about: {why}. `/opus link` begins anew.")
    with services.store.write() as connection:
        if services.store.people.end_link(connection, under_way.code):
            key = f"unlinked:{under_way.code}"
            notices = services.store.notices
            notices.add(connection, under_way.platform, key, under_way.address, answer.dump(), now)
    services.waker.ring(under_way.platform)
