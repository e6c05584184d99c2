"""What models cost, added up over repositories, persons and models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from jobs.store.tables import charges, steps, tasks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.store.database import Database

TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
BY = ("", "repo", "person", "model")


class Spent(NamedTuple):
    """What was spent under one name: US dollars, tokens of all sorts, and for how many tasks."""

    name: str
    dollars: float
    tokens: int
    tasks: int


class Costs:
    """Sums over the agent's steps and all other calls of models."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def spent(self, since: float, by: str = "", repositories: Sequence[str] | None = None) -> list[Spent]:
        """Return what was spent since a time, dearest first: by ``repo``, ``person`` or ``model``, or all in one.

        ``repositories`` names those that count. A person is a GitHub login, or ``platform:id`` where none is known.
        """
        if by not in BY:
            raise ValueError(f"{by} is none of {', '.join(BY[1:])}")
        calls = sa.union_all(*(self._calls(table, by, since, repositories) for table in (steps, charges))).subquery()
        sums = [
            sa.func.coalesce(sa.func.sum(calls.c.cost), 0.0).label("dollars"),
            sa.func.coalesce(sa.func.sum(calls.c.tokens), 0).label("tokens"),
            sa.func.count(calls.c.task_id.distinct()).label("tasks"),
        ]
        # Logins and repositories are the same in any case; one of their spellings is shown.
        query = sa.select(sa.func.min(calls.c.name).label("name"), *sums)
        if by:
            query = query.group_by(sa.func.lower(calls.c.name))
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        found = [Spent(row.name or "", float(row.dollars), int(row.tokens), row.tasks) for row in rows]
        return sorted(found, key=lambda spent: (-spent.dollars, spent.name.lower()))

    def _calls(
        self, table: sa.Table, by: str, since: float, repositories: Sequence[str] | None
    ) -> sa.Select[tuple[Any, ...]]:
        tokens: sa.ColumnElement[int] = sa.literal(0)
        for name in TOKENS:
            tokens = tokens + sa.func.coalesce(table.c.usage[name].as_integer(), 0)
        columns = [_name(table, by).label("name"), table.c.task_id, table.c.cost, tokens.label("tokens")]
        query = sa.select(*columns).select_from(table.join(tasks, tasks.c.id == table.c.task_id))
        query = query.where(table.c.at >= since)
        if repositories is not None:
            query = query.where(sa.func.lower(tasks.c.repository).in_([name.lower() for name in repositories]))
        return query


def _name(table: sa.Table, by: str) -> sa.ColumnElement[str]:
    if by == "repo":
        return tasks.c.repository
    if by == "model":
        return table.c.model
    if by == "person":
        login, platform, user_id = (tasks.c.actor[key].as_string() for key in ("login", "platform", "id"))
        return sa.case((login != "", login), else_=platform + ":" + user_id)
    return sa.literal("")
