"""What is offered while a person types an option: repositories, tasks, models, commands; read from the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot import sight
from bot.commands import TABLE
from bot.discord_bot.harmless import Ink
from jobs.models.prices import names as priced
from jobs.types import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.discord_bot.places import Spot
    from jobs.services import Services
    from jobs.types import Task

MOST, _LONGEST = 25, 100
_LOOKED_AT = 200
_STATES = {
    Status.QUEUED: "queued",
    Status.IN_PROGRESS: "working",
    Status.WAITING: "waits for a person",
    Status.COMPLETED: "over",
}


class Suggestions:
    """Suggestions in a channel for a person; names that a channel may not see are not offered to strangers.

    Who is linked to a GitHub login is offered what that can read; everybody, what the channel is bound to.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._ink = Ink(services.redacted)

    def of(self, option: str, typed: str, spot: Spot, user_id: str) -> list[dict[str, str]]:
        """Return the choices for an option, best first, as Discord wants them."""
        match option:
            case "repo":
                return _choices((name, name) for name in _matching(self.repositories(spot.bound, user_id), typed))
            case "model":
                models = dict.fromkeys([*self._services.settings.models, *priced()])
                return _choices((name, name) for name in _matching(models, typed))
            case "command":
                return _choices((entry.name, entry.name) for entry in TABLE if typed.lower() in entry.name)
            case "id":
                return self._tasks(typed, spot, user_id)
        return []

    def repositories(self, channel: str, user_id: str) -> list[str]:
        """Return the repositories that may be named to a person in a channel, the channel's own first."""
        here = self.bound(channel)
        found = [here] if here else []
        found += sight.offered(self._services.store, "discord", user_id)
        once: dict[str, str] = {}
        for name in found:
            once.setdefault(name.lower(), name)
        return list(once.values())

    def bound(self, channel: str) -> str:
        """Return the repository that a channel is bound to, or nothing."""
        channels = self._services.settings.channels
        return next((one.repository for one in channels if (one.surface, one.id) == ("discord", channel)), "")

    def _tasks(self, typed: str, spot: Spot, user_id: str) -> list[dict[str, str]]:
        """Offer the tasks of the channel and of the person: those under way before those that are over."""
        store, here = self._services.store, self.bound(spot.bound).lower()
        login = store.people.login("discord", user_id).lower()
        shown = {place.task_id for place in store.showing.in_channel("discord", spot.channel)}
        mine = [
            task
            for task in store.tasks.recent(_LOOKED_AT)
            if task.id in shown or task.repository.lower() == here or _is_mine(task, user_id, login)
        ]
        wanted = typed.strip().lower()
        found = [task for task in mine if task.id.startswith(wanted) or wanted in task.title.lower()]
        ordered = sorted(found, key=lambda task: task.status is Status.COMPLETED)
        return _choices((self._name(task), task.id) for task in ordered)

    def _name(self, task: Task) -> str:
        state = _STATES[task.status]
        title = self._ink.plain(task.title, _LONGEST - len(task.id) - len(state) - 6)
        return f"{task.id} \u00b7 {title} \u00b7 {state}"


def _is_mine(task: Task, user_id: str, login: str) -> bool:
    same = task.actor.platform == "discord" and task.actor.id == user_id
    return same or bool(login and task.actor.login.lower() == login)


def _matching(names: Iterable[str], typed: str) -> list[str]:
    """Return the names with what was typed, those that begin with it before the others."""
    wanted = typed.strip().lower()
    found = [name for name in names if wanted in name.lower()]
    return sorted(found, key=lambda name: not name.lower().startswith(wanted))


def _choices(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    found: Sequence[tuple[str, Any]] = [pair for pair in pairs if len(pair[1]) <= _LONGEST]
    return [{"name": name, "value": value} for name, value in found[:MOST]]
