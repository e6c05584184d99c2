"""`opus67 token …`: the keys by which a command line elsewhere speaks for a GitHub login; made on the machine."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from bot.shell.database import store_here
from bot.shell.documents import document, say, tell
from bot.shell.exits import Exit
from bot.shell.failure import Failure
from bot.shell.operator import user_name
from bot.shell.rendering import render
from bot.shell.secret import digest, fresh
from jobs.answer.parts import Answer, Listing
from jobs.answer.words import LOGIN
from jobs.policy import OPERATOR
from jobs.types import Actor, AuditEntry

if TYPE_CHECKING:
    import argparse
    from contextlib import AbstractContextManager

    from jobs.store import Store

_NAME = re.compile(r"[\w.@ -]{1,60}")


def run_create(arguments: argparse.Namespace) -> int:
    """Make a token and print it, which happens once: only its hash is kept."""
    login = arguments.login.removeprefix("@")
    if not _NAME.fullmatch(arguments.name):
        raise Failure("A token's name has at most 60 letters, digits, spaces and `. @ _ -`.", Exit.USAGE)
    if not LOGIN.fullmatch(login):
        raise Failure("`--login` takes a GitHub login, such as octocat.", Exit.USAGE)
    token = fresh()
    with _store() as store:
        _told(store, "token:create", arguments.name)
        if not store.people.add_token(digest(token), arguments.name, login, time.time()):
            raise Failure(
                f"There is a token of the name {arguments.name} already. `opus67 token revoke {arguments.name}` "
                "makes it worthless.",
                Exit.REFUSED,
            )
    words = (
        f"{token}\n\nIt is shown this once. Where you want to use it, set OPUS67_TOKEN to it, and OPUS67_URL to this "
        f"service's address.\nWho has it may do what @{login} may do on GitHub; `opus67 token revoke {arguments.name}` "
        "ends that."
    )
    data = {"token": token, "name": arguments.name, "login": login}
    say(document(words, ok=True, data=data) if arguments.json else words)
    return Exit.DONE


def run_list(arguments: argparse.Namespace) -> int:
    """List the tokens."""
    with _store() as store:
        found = store.people.tokens()
    rows = tuple((one.name, one.login, _day(one.created_at), _day(one.used_at)) for one in found)
    data = [
        {"name": one.name, "login": one.login, "created_at": one.created_at, "used_at": one.used_at} for one in found
    ]
    words = render(Answer((Listing(("name", "speaks for", "made", "last used"), rows),)))
    tell(
        words if found else "There are no tokens. `opus67 token create` makes one.", as_json=arguments.json, tokens=data
    )
    return Exit.DONE


def run_revoke(arguments: argparse.Namespace) -> int:
    """Make a token worthless, at once."""
    with _store() as store:
        _told(store, "token:revoke", arguments.name)
        if not store.people.revoke_token(arguments.name):
            raise Failure(
                f"There is no token of the name {arguments.name}. `opus67 token list` names them.", Exit.REFUSED
            )
    tell(f"The token {arguments.name} is worthless now.", as_json=arguments.json, name=arguments.name)
    return Exit.DONE


def _store() -> AbstractContextManager[Store]:
    return store_here("Tokens are made")


def _told(store: Store, what: str, name: str) -> None:
    """Tell the audit what the operator does with a token."""
    actor = Actor(OPERATOR, user_name())
    store.audit.record(AuditEntry(what, actor=actor, reason="at the machine itself", details={"name": name}))


def _day(at: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(at)) if at else "never"
