"""One command in its place: what was said, by whom, about what; and what every handler needs of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.acting import Actions
from bot.events import Event
from jobs.policy import OPERATOR
from jobs.types import Decision, Status, Subject, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.commands import Command
    from bot.starting import Situation
    from jobs.services import Services
    from jobs.types import Actor, Task

GITHUB = "github"
CHATS = ("slack", "discord")


class NotAllowed(Exception):
    """Somebody may not do what they asked for; ``what`` is a phrase for the refusal, ``order`` what they asked for."""

    def __init__(self, decision: Decision, what: str) -> None:
        super().__init__(decision.reason)
        self.decision, self.what = decision, what
        self.order: Order | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was said, and what is understood there without saying it.

    ``may`` is what the channel's binding allows: ``look``, ``ask`` or ``all``.
    """

    surface: str
    channel: str = ""
    repository: str = ""
    installation_id: int = 0
    subject: Subject | None = None
    task: Task | None = None
    bound: bool = False
    may: str = "all"
    address: Mapping[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The place as it is recorded."""
        return "" if self.surface == GITHUB else f"{self.surface}:{self.channel}".rstrip(":")


@dataclass(frozen=True, slots=True)
class Order:
    """One command in its place; ``key`` tells it from all others, for ever.

    ``actions`` are about the repository that is meant, which need not be the one where it was said.
    """

    actions: Actions
    place: Place
    command: Command
    key: str
    subject: Subject
    task: Task | None = None
    here: Situation | None = None
    decision: Decision = field(default_factory=lambda: Decision(allowed=True, reason=""))

    @property
    def services(self) -> Services:
        """The services of this process."""
        return self.actions.services

    @property
    def actor(self) -> Actor:
        """Who speaks."""
        return self.actions.event.actor

    @property
    def live(self) -> Task | None:
        """The task, while it is not completed."""
        return self.task if self.task is not None and self.task.status is not Status.COMPLETED else None


def person(actor: Actor) -> str:
    """Return how somebody is called in words that others read."""
    if actor.platform == OPERATOR:
        return "the operator"
    return f"@{actor.login}" if actor.login else f"{actor.platform} user {actor.id}"


def about(actions: Actions, place: Place, repository: str, installation_id: int, subject: Subject | None) -> Actions:
    """Return the same transaction's actions about another repository."""
    old = actions.event
    if old.repository.lower() == repository.lower() and actions.place == place.name:
        return actions
    number = subject.number if subject else 0
    event = Event(
        old.name, old.action, old.guid, repository, installation_id, old.actor, app_id=old.app_id, number=number
    )
    return Actions(actions.services, event, actions.commits, actions.follow_ups, actions.started, place.name)


def installation_of(services: Services, repository: str) -> tuple[str, int]:
    """Return a repository's name as GitHub writes it, and its installation; raises UserError where there is none."""
    known = {name.lower(): (name, number) for name, number in services.store.records.repositories()}
    if repository.lower() in known:
        return known[repository.lower()]
    owner, _, name = repository.partition("/")
    if not owner or not name or "/" in name:
        raise UserError(f"`{repository[:100]}` is no repository: write it as owner/name.")
    number = services.github.installation_for(repository)
    if number is None:
        raise UserError(f"I am not installed on `{repository[:100]}`.{_listed(services)}")
    return repository, number


def _listed(services: Services) -> str:
    names = [name for name, _ in services.store.records.repositories()][:10]
    return f" I know {', '.join(f'`{name}`' for name in names)}." if names else " Install the App there first."


def key_of(utterance: str, index: int, command: Command) -> str:
    """Return the name of a command for ever: an edit of a comment may put other words in the same place."""
    words = hashlib.sha256(command.whole.encode(errors="replace")).hexdigest()[:32]
    return f"{utterance}:{index}:{command.name}:{words}"[:120]


def names(items: Sequence[str]) -> str:
    """Return names one after the other, as code."""
    return ", ".join(f"`{item}`" for item in items)
