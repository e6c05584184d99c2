"""Who may give a command, asked of GitHub at the time; a refusal says what would help."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bot import sight, starting
from bot.acting import Actions
from bot.commands import Who
from bot.control.order import CHATS, GITHUB, NotAllowed, Place, about
from bot.events import Event
from config.errors import RepositoryConfigError
from jobs import policy
from jobs.scope import Pool
from jobs.types import Decision, GitHubUnavailable, UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.commands import Entry
    from bot.starting import Situation
    from jobs.services import Services
    from jobs.types import Actor, Subject, Task

MOST_REPOSITORIES = 50
"""So many repositories are asked about for one list; the rest is left out, which the list says."""
MOST_OFFERED = 200
MISTAKE = (
    "`.github/opus67.yml` has a mistake in line {line}. Until it is mended on the default branch, nothing of it "
    "counts, no work is started and nothing is merged."
)
ASKING = frozenset({"ask", "plan"})
log = logging.getLogger(__name__)

UNLINKED = Decision(
    allowed=False,
    reason="I do not know yet who you are on GitHub",
    cure="`/opus link` tells me, once.",
)


def check(
    actions: Actions, place: Place, entry: Entry, subject: Subject, task: Task | None
) -> tuple[Situation | None, Decision]:
    """Return what is true on GitHub now and why this is allowed; raises NotAllowed."""
    what = f"`/opus {entry.name}`"
    _channel(actions, place, entry, what)
    if entry.who is Who.OPERATOR:
        return None, operator(actions, what)
    if entry.who is Who.WORK or place.surface == GITHUB:
        return _work(actions, subject, what)
    return None, may_look(actions, place, task, what)


def _channel(actions: Actions, place: Place, entry: Entry, what: str) -> None:
    """Refuse what a channel's binding does not allow, whoever says it."""
    repository = actions.event.repository
    if place.bound and repository and repository.lower() != place.repository.lower():
        reason = f"this channel is for `{place.repository}`, and nothing of another repository is told in it"
        raise NotAllowed(Decision(allowed=False, reason=reason, cure="Ask in another channel."), what)
    if place.surface == GITHUB and entry.who is Who.LOOK and repository.lower() != place.repository.lower():
        reason = "nothing of another repository is told here, where more people may read it"
        raise NotAllowed(Decision(allowed=False, reason=reason, cure="Ask there, or in a chat."), what)
    allowed = entry.who is not Who.WORK or place.may == "all" or (place.may == "ask" and entry.name in ASKING)
    if not allowed:
        reason = f"this channel is only for {'looking and asking' if place.may == 'ask' else 'looking'}"
        cure = "The operator decides that, with `OPUS67_CHANNELS`. Say it in another channel."
        raise NotAllowed(Decision(allowed=False, reason=reason, cure=cure), what)


def _work(actions: Actions, subject: Subject, what: str) -> tuple[Situation, Decision]:
    if actions.event.actor.platform in CHATS and not actions.event.actor.login:
        raise NotAllowed(UNLINKED, what)
    here = look(actions, subject)
    if is_operator(actions.event.actor):
        return here, Decision(allowed=True, reason="the operator, at the machine itself")
    decision = policy.person(here.facts, here.config, what)
    if not decision.allowed:
        raise NotAllowed(decision, what)
    return here, decision


def look(actions: Actions, subject: Subject) -> Situation:
    """Find out who speaks; a mistake in the repository's file must not keep people from cancelling."""
    try:
        return starting.look(actions, subject)
    except RepositoryConfigError as error:
        return replace(starting.look(actions, subject, strict=False), mistake=MISTAKE.format(line=error.line))


def is_operator(actor: Actor) -> bool:
    """Tell whether somebody sits at the machine itself."""
    return actor.platform == policy.OPERATOR


def operator(actions: Actions, what: str) -> Decision:
    """Return why somebody may order the whole fleet about; raises NotAllowed."""
    actor = actions.event.actor
    if is_operator(actor):
        return Decision(allowed=True, reason="the operator, at the machine itself")
    if actor.login and not actor.is_bot and actor.login.lower() in actions.services.settings.operators:
        return Decision(allowed=True, reason=f"@{actor.login} is named in `OPUS67_OPERATORS`")
    if actor.platform in CHATS and not actor.login:
        raise NotAllowed(UNLINKED, what)
    reason = f"{what} is for operators alone"
    cure = "The operator names them in `OPUS67_OPERATORS`, or does it with `opus67` on the machine."
    raise NotAllowed(Decision(allowed=False, reason=reason, cure=cure, silent=actor.is_bot), what)


def may_look(actions: Actions, place: Place, task: Task | None, what: str) -> Decision:
    """Return why somebody may see a repository's tasks; raises NotAllowed."""
    event = actions.event
    if is_operator(event.actor) or not event.repository:
        return Decision(allowed=True, reason="nothing of a repository is told, or the operator asks")
    if _shown_here(actions, place, task):
        return Decision(allowed=True, reason="this channel sees it anyway")
    if not event.actor.login:
        raise NotAllowed(UNLINKED, what)
    permission = starting.permission_of(actions)
    if permission in policy.NO_SIGHT:
        reason = f"{what} needs that you can read the repository, and GitHub says that @{event.actor.login} cannot"
        raise NotAllowed(Decision(allowed=False, reason=reason, cure="Somebody with access can ask instead."), what)
    return Decision(allowed=True, reason=f"@{event.actor.login} has {permission} permission")


def _shown_here(actions: Actions, place: Place, task: Task | None) -> bool:
    if place.surface not in CHATS:
        return False
    if place.bound and place.repository.lower() == actions.event.repository.lower():
        return True
    shown = actions.services.store.showing.in_channel(place.surface, place.channel)
    return task is not None and any(one.task_id == task.id for one in shown)


def look_around(services: Services, actor: Actor) -> None:
    """Ask GitHub which repositories a chat user can read, for those that are offered while they type; best effort."""
    store, now = services.store, time.time()
    if actor.platform not in CHATS or not actor.login:
        return
    if sight.is_fresh(store, actor.platform, actor.id, actor.login, now):
        return
    actions = Actions(services, Event(actor.platform, "command", actor=actor))
    try:
        known = store.records.repositories()
        names = visible(actions, Place(actor.platform), known, most=MOST_OFFERED)
    except GitHubUnavailable as outage:
        log.warning("what @%s can read is not known now: %s", actor.login, outage)
        return
    sight.keep(store, actor.platform, actor.id, actor.login, names, now, [name for name, _ in known])


def visible(
    actions: Actions, place: Place, repositories: Iterable[tuple[str, int]], most: int = MOST_REPOSITORIES
) -> Sequence[str]:
    """Return those of the repositories whose tasks somebody may see here, as far as GitHub tells it now."""
    wanted = sorted(set(repositories))[:most]
    if place.surface == GITHUB or place.bound:
        return [name for name, _ in wanted if name.lower() == place.repository.lower()]
    if is_operator(actions.event.actor):
        return [name for name, _ in wanted]
    if not actions.event.actor.login:
        return []

    def readable(pair: tuple[str, int]) -> bool:
        try:
            return starting.permission_of(about(actions, place, *pair, None)) not in policy.NO_SIGHT
        except UserError:
            return False

    with Pool(4) as pool:
        return [name for (name, _), good in zip(wanted, pool.map(readable, wanted), strict=True) if good]
