"""How a row of the audit is shown: to people in a line, to programs as JSON, or as CSV that nothing executes (pure)."""

from __future__ import annotations

import csv
import io
import json
import time
import unicodedata
from typing import TYPE_CHECKING, Any

from bot.shell.rendering import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jobs.store import AuditRow

CSV = "csv"
COLUMNS = (
    *("number", "time", "actor", "what", "repository", "subject", "task", "attempt", "allowed", "reason"),
    *("model", "image", "cost", "details", "mac"),
)
FORMULA = tuple("=+-@\t\r＝＋－＠")  # noqa: RUF001 - a spreadsheet takes the wide ones as the others
"""What a cell begins with that a spreadsheet takes for a formula."""


def values(row: AuditRow) -> dict[str, Any]:
    """Return a row as JSON has it."""
    found = [row.number, _time(row.at), row.actor, row.what, row.repository, row.subject, row.task_id, row.attempt]
    found += [row.allowed, row.reason, row.model, row.image, row.cost, dict(row.details), row.mac]
    return dict(zip(COLUMNS, found, strict=True))


def json_lines(rows: Iterable[AuditRow]) -> Iterator[str]:
    """Yield each row as a line of JSON, in ASCII: nothing in it can reach a terminal as a command."""
    for row in rows:
        yield json.dumps(values(row)) + "\n"


def csv_lines(rows: Iterable[AuditRow]) -> Iterator[str]:
    """Yield the names of the columns, and each row, as CSV."""
    yield _csv(COLUMNS)
    for row in rows:
        found = values(row)
        found["details"] = json.dumps(found["details"]) if found["details"] else ""
        yield _csv([_cell(value) for value in found.values()])


def line(row: AuditRow) -> str:
    """Return a row for people, without anything that a terminal would obey."""
    task = f"task {row.task_id}" + (f", attempt {row.attempt}" if row.attempt else "") if row.task_id else ""
    paid = f"${row.cost:.4f}" if row.cost else ""
    where = " ".join(part for part in (row.repository, row.subject) if part)
    allowed = "" if row.allowed else "NO"
    parts = [str(row.number), _time(row.at), row.actor, row.what, where, task, allowed, row.reason]
    return "  ".join(one_line(part) for part in (*parts, row.model, row.image, paid) if part)


def _csv(cells: Iterable[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()


def _cell(value: Any) -> Any:
    """Return a cell that a spreadsheet shows and does not carry out, without raw control characters."""
    if not isinstance(value, str):
        return value
    text = "".join(_escaped(one) if unicodedata.category(one) == "Cc" else one for one in value)
    return f"'{text}" if value.lstrip(" ").startswith(FORMULA) else text


def _escaped(character: str) -> str:
    return f"\\x{ord(character):02x}"


def _time(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at * 1000) % 1000:03}Z"
