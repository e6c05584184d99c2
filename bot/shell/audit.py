"""`opus67 audit …`: prove that the record is whole, hand it to other programs, look at it, and erase a person in it."""

from __future__ import annotations

import os
import re
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bot.shell.audit_rows import CSV, csv_lines, json_lines, line, values
from bot.shell.database import store_here
from bot.shell.documents import document, remark, say, tell
from bot.shell.exits import Exit
from bot.shell.failure import Failure
from bot.shell.operator import user_name
from config.settings import load
from jobs import heads
from jobs.answer.words import LOGIN
from jobs.keys import old_audit_key
from jobs.policy import OPERATOR
from jobs.store import Wanted
from jobs.types import Actor

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from jobs.store import Erasure, Head, Store, Verdict

OUT = "-"
WHERE = "The audit is looked at"
NO_KEY = "The App's private key is not set here, and the audit is sealed with a key that is made from it. Check .env."
FOLLOW_SECONDS = 1.0
SHOWN = 20
"""So many problems are told one by one."""
REMAINS = (
    "What remains: the titles and texts of tasks and what was said to them, deliveries and answers of the last seven "
    "days, logs, what GitHub, Slack and Discord keep themselves, and every backup that was made before: it holds the "
    "key, so say it again after restoring one."
)
_PERSON = re.compile(r"(?:slack|discord|cli):[\w.-]{1,80}")


def run_verify(arguments: argparse.Namespace) -> int:
    """Hold all rows to their MACs and to the heads that were published; 1 where something is wrong."""
    published, strange = _heads(arguments)
    old = [old_audit_key(_text(Path(name))) for name in arguments.old_key or ()]
    with store_here(WHERE) as store:
        _must_have_key(store)
        verdict = store.audit.verify(published, old)
    head = f"{verdict.head.number}:{verdict.head.mac}" if verdict.rows else ""
    data: dict[str, Any] = {
        "whole": not verdict.wrong,
        "rows": verdict.rows,
        "first": verdict.first,
        "removed": verdict.removed,
    }
    data |= {"head": head, "heads": verdict.heads, "superseded": verdict.superseded, "problems": verdict.problems}
    if verdict.wrong:
        words = _broken_words(verdict)
        say(document(words, ok=False, data={**data, "error": words})) if arguments.json else remark(words)
        return Exit.REFUSED
    tell(_whole_words(verdict, head, len(published), strange), as_json=arguments.json, **data)
    return Exit.DONE


def run_export(arguments: argparse.Namespace) -> int:
    """Write the rows that are wanted, one by one, so that however many there are they need no memory."""
    wanted = _wanted(arguments)
    if arguments.file == OUT and arguments.json:
        raise Failure("With `--json` name a file: `opus67 audit export FILE --json`.", Exit.USAGE)
    count = 0
    with store_here(WHERE) as store, _opened(arguments.file) as out:
        rows = store.audit.rows(wanted)
        for text in csv_lines(rows) if arguments.format == CSV else json_lines(rows):
            out.write(text)
            count += 1
    count -= arguments.format == CSV  # the line with the names
    if arguments.file != OUT:
        tell(f"{count} rows are in {arguments.file}.", as_json=arguments.json, rows=count, file=arguments.file)
    return Exit.DONE


def run_tail(arguments: argparse.Namespace) -> int:
    """Show the newest rows, and those that come after them where that is wanted."""
    if arguments.count < 0 or (arguments.follow and arguments.json):
        raise Failure("`-n` takes a number from 0 on, and `--follow` no `--json`.", Exit.USAGE)
    with store_here(WHERE) as store:
        newest = store.audit.head()
        rows = list(store.audit.rows(Wanted(), newest=arguments.count)) if arguments.count else []
        if arguments.json:
            text = "\n".join(line(row) for row in rows)
            say(document(text, ok=True, data={"rows": [values(row) for row in rows]}))
            return Exit.DONE
        for row in rows:
            say(line(row))
        if not rows and not arguments.follow and newest is None:
            say("Nothing was decided or done yet.")
        last = rows[-1].number if rows else (newest.number if newest else 0)
        while arguments.follow:
            time.sleep(FOLLOW_SECONDS)
            last = _show_newer(store, last)
    return Exit.DONE


def run_erase(arguments: argparse.Namespace) -> int:
    """Destroy the key of a person, so that nobody can read any more who they were."""
    person = arguments.person.removeprefix("@")
    with store_here("People are erased") as store:
        _must_have_key(store)
        names, logins = _known_as(store, person)
        erasure = store.audit.erase(names, logins, Actor(OPERATOR, user_name()))
    if not erasure.found:
        raise Failure(f"Nothing is known here of {person}. `opus67 audit tail` shows who is.", Exit.REFUSED)
    data = {"persons": list(erasure.persons), "rows": erasure.rows, "others": dict(erasure.others)}
    tell(_erased_words(person, erasure), as_json=arguments.json, **data)
    return Exit.DONE


def _must_have_key(store: Store) -> None:
    if not store.audit.has_key:
        raise Failure(NO_KEY, Exit.USAGE)


def _show_newer(store: Store, last: int) -> int:
    for row in store.audit.rows(Wanted(after=last)):
        say(line(row))
        last = row.number
    return last


def _heads(arguments: argparse.Namespace) -> tuple[list[Head], int]:
    """Return the heads that were published, from the file and as they were typed, and how many lines are none."""
    named = Path(arguments.heads) if arguments.heads else None
    file = named or load().audit_file
    found, strange = heads.read(file) if file is not None and (named or file.exists()) else ([], 0)
    return [*found, *(heads.parse(text) for text in arguments.head or ())], strange


def _wanted(arguments: argparse.Namespace) -> Wanted:
    return Wanted(
        since=_moment(arguments.since, "--since"),
        until=_moment(arguments.until, "--until"),
        repository=arguments.repo or "",
        actor=(arguments.actor or "").removeprefix("@"),
    )


def _moment(text: str | None, option: str) -> float | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Failure(
            f"`{option}` takes a day or a time, such as 2026-11-01T08:00, not {text!r}.", Exit.USAGE
        ) from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _known_as(store: Store, person: str) -> tuple[list[str], list[str]]:
    """Return under which names a person may stand, and their GitHub logins: links are followed both ways."""
    platform, _, rest = person.partition(":")
    if _PERSON.fullmatch(person):
        login = store.people.login(platform, rest)
        return [person, *([f"github:{login.lower()}"] if login else [])], [login] if login else []
    login = rest if platform == "github" else person
    if not LOGIN.fullmatch(login.removesuffix("[bot]")):
        raise Failure(
            "A person is a GitHub login, or slack:ID or discord:ID of somebody who has not linked.", Exit.USAGE
        )
    accounts = [f"{surface}:{user}" for surface, user in store.people.accounts(login)]
    return [f"github:{login.lower()}", *accounts], [login]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{path} cannot be read: {error}.", Exit.USAGE) from error


@contextmanager
def _opened(name: str) -> Iterator[IO[str]]:
    """Give standard output, or a new file for its owner's eyes only."""
    if name == OUT:
        yield sys.stdout
        sys.stdout.flush()
        return
    try:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Failure(f"{name} is there already, and nothing is replaced. Name another file.", Exit.USAGE) from error
    except OSError as error:
        raise Failure(f"{name} could not be written: {error.strerror}. Name another file.", Exit.USAGE) from error
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        yield file


def _whole_words(verdict: Verdict, head: str, published: int, strange: int) -> str:
    if not verdict.rows:
        return "The audit is empty: nothing was decided or done yet."
    lines = [
        f"The audit is whole: {verdict.rows} rows, from {verdict.first} to {verdict.head.number}.",
        f"Head: {head}",
    ]
    if verdict.removed:
        lines.append(f"The rows up to {verdict.removed} were removed when their time was over (OPUS67_AUDIT_DAYS).")
    if published:
        lines.append(f"{verdict.heads} published heads fit.")
    else:
        lines.append(
            "No published head was compared, so nothing tells whether its end was cut off: set OPUS67_AUDIT_FILE, or "
            "name one from the clock's log with `--head`."
        )
    if verdict.superseded:
        lines.append(f"{verdict.superseded} were published before the state was put back from a backup.")
    if strange:
        lines.append(f"{strange} lines of the file with the heads are none; a line that was cut is one of these.")
    return "\n".join(lines)


def _broken_words(verdict: Verdict) -> str:
    lines = [f"The audit is NOT whole ({verdict.rows} rows were looked at):"]
    lines += [f"- {problem}" for problem in verdict.problems[:SHOWN]]
    if verdict.wrong > SHOWN:
        lines.append(f"- and {verdict.wrong - SHOWN} more")
    lines.append("docs/audit.md tells what each means, and what to do.")
    return "\n".join(lines)


def _erased_words(person: str, erasure: Erasure) -> str:
    marks = " and ".join(f"“erased person {one[:4]}”" for one in erasure.persons) or "nobody"
    others = ", ".join(f"{count} {name}" for name, count in erasure.others.items() if count) or "nothing"
    return (
        f"{person} is erased: {erasure.rows} rows of the audit name {marks} from now on, and the chain is whole.\n"
        f"Of other tables: {others}.\n{REMAINS}"
    )
