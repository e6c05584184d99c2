"""The places in chats where tasks are shown: one message each, edited in place until the task is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from jobs.store.tables import effects, places

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.store.database import Database

SENDING = "sending"
"""Written before a message is sent, in place of what it will show: who finds it looks for the message first."""


@dataclass(frozen=True, slots=True)
class ChatPlace:
    """A task's message in a channel. ``external_id`` is empty before it is posted.

    ``shown`` is the hash of what stands there; ``moment`` names the last thing that people were told of in its thread.
    """

    task_id: str
    surface: str
    channel: str
    external_id: str
    url: str
    shown: str
    moment: str
    address: Mapping[str, Any]


class Showing:
    """Which tasks are shown where in chats."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def show(
        self, connection: sa.Connection, task_id: str, surface: str, channel: str, address: Mapping[str, Any]
    ) -> bool:
        """Have a task shown in a channel from now on, also where that was given up; False where it is already."""
        values: dict[str, Any] = {
            "task_id": task_id,
            "surface": f"{surface}:{channel}",
            "external_id": "",
            "url": "",
            "shown": "",
        }
        values |= {"address": dict(address), "moment": "", "settled": False, "not_before": 0.0}
        if self._database.insert_new(connection, places, values):
            return True
        mine = sa.update(places).where(places.c.task_id == task_id, places.c.surface == f"{surface}:{channel}")
        connection.execute(mine.values(settled=False, not_before=0.0))
        return False

    def due(self, surface: str, now: float) -> Sequence[ChatPlace]:
        """Return the places on a surface that may have something new to show."""
        return self._find(_on(surface), places.c.settled.is_(False), places.c.not_before <= now)

    def of_task(self, task_id: str) -> Sequence[ChatPlace]:
        """Return the places in chats where a task is shown."""
        return self._find(places.c.task_id == task_id, places.c.address.is_not(None))

    def in_channel(self, surface: str, channel: str) -> Sequence[ChatPlace]:
        """Return the places of a channel."""
        return self._find(places.c.surface == f"{surface}:{channel}")

    def save(self, place: ChatPlace, *, settled: bool = False, not_before: float = 0.0) -> None:
        """Store what is known of a place now."""
        mine = sa.update(places).where(
            places.c.task_id == place.task_id, places.c.surface == f"{place.surface}:{place.channel}"
        )
        values: dict[str, Any] = {
            "external_id": place.external_id,
            "url": place.url,
            "shown": place.shown,
            "moment": place.moment,
        }
        values |= {"address": dict(place.address), "settled": settled, "not_before": not_before}
        with self._database.write() as connection:
            connection.execute(mine.values(**values))

    def unsettle(self, connection: sa.Connection, task_id: str) -> None:
        """Have a task's places shown once more, because something about it changed after its end."""
        mine = sa.update(places).where(places.c.task_id == task_id, places.c.address.is_not(None))
        connection.execute(mine.values(settled=False, not_before=0.0))

    def lead(self, surface: str, owner: str, now: float, seconds: float) -> bool:
        """Hold a surface for a while: one process tells there, and another takes over from a silent one."""
        key = f"leads:{surface}"
        with self._database.write() as connection:
            values = {"key": key, "value": owner, "at": now + seconds}
            if self._database.insert_new(connection, effects, values):
                return True
            mine = sa.update(effects).where(effects.c.key == key, sa.or_(effects.c.value == owner, effects.c.at < now))
            return connection.execute(mine.values(value=owner, at=now + seconds)).rowcount > 0

    def leader(self, surface: str) -> str:
        """Return the process that tells on a surface, or that did; empty where there was none yet."""
        with self._database.read() as connection:
            return connection.scalar(sa.select(effects.c.value).where(effects.c.key == f"leads:{surface}")) or ""

    def _find(self, *wanted: sa.ColumnElement[bool]) -> Sequence[ChatPlace]:
        with self._database.read() as connection:
            return [_place(row) for row in connection.execute(sa.select(places).where(*wanted))]


def _on(surface: str) -> sa.ColumnElement[bool]:
    return places.c.surface.like(f"{surface}:%")


def _place(row: Any) -> ChatPlace:
    surface, _, channel = row.surface.partition(":")
    return ChatPlace(row.task_id, surface, channel, row.external_id, row.url, row.shown, row.moment, row.address or {})
