"""The program's own commands: one table, each a dotted path that is imported only when it is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.commands import ALIASES, ENTRIES

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a command, or one argument: its flag or name, and what argparse shall do with it."""

    flag: str
    help: str
    rest: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """One command: what it is called, what it does, and the function behind it."""

    name: str
    help: str
    function: str
    """``module:name`` of a function that takes the parsed arguments and returns the exit code."""
    options: tuple[Option, ...] = ()
    service: bool = False
    """True for a long-running process, whose output is a log and shows tracebacks."""
    json: bool = False
    """True where the function prints the document of ``--json`` itself."""


FLAG: Mapping[str, Any] = {"action": "store_true"}
SHELLS = ("bash", "zsh", "fish")

SETUP_OPTIONS = (
    Option("--app-id", "take an existing App: its id", {"type": int}),
    Option("--private-key-path", "take an existing App: the file with its private key"),
    Option("--webhook-secret", "take an existing App: its webhook secret"),
    Option("--client-id", "take an existing App: its client id"),
    Option("--client-secret", "take an existing App: its client secret"),
    Option("--env-file", "the file to write (.env)", {"default": ".env"}),
)
BUILD_OPTIONS = (
    Option("--engine", "docker or podman; found out if not named", {"choices": ["docker", "podman"]}),
    Option("--tag", "the image's name; the setting OPUS67_SANDBOX_IMAGE if not named"),
    Option("--base", "an image to start from, in place of a fresh Debian"),
    Option("--force", "build it again although it is there", FLAG),
)
BACKUP_OPTIONS = (
    Option("file", "the file to write, - for standard output; one with the date here if not named", {"nargs": "?"}),
    Option("--with-secrets", "save the settings too, with the App's private key and all other keys", FLAG),
)
RESTORE_OPTIONS = (
    Option("file", "what `opus67 backup` wrote"),
    Option("--with-secrets", "write the settings of the backup to .env", FLAG),
    Option("--force", "replace a database that is not empty", FLAG),
)
VERIFY_OPTIONS = (
    Option("--heads", "a file with heads that were published; OPUS67_AUDIT_FILE if not named"),
    Option("--head", "a head from the log, NUMBER:MAC; can be said more than once", {"action": "append"}),
    Option("--old-key", "the App's private key of before, which rows were written with", {"action": "append"}),
)
EXPORT_OPTIONS = (
    Option("file", "the file to write, - for standard output", {"nargs": "?", "default": "-"}),
    Option("--format", "jsonl or csv", {"choices": ["jsonl", "csv"], "default": "jsonl"}),
    Option("--since", "from this day or time on, such as 2026-11-01 or 2026-11-01T08:00 (UTC)"),
    Option("--until", "up to this day or time, which is not in it"),
    Option("--repo", "of one repository, owner/name"),
    Option("--actor", "of one person: a GitHub login, slack:ID, or opus67 for the bot itself"),
)
TAIL_OPTIONS = (
    Option("-n", "how many rows", {"type": int, "default": 20, "dest": "count"}),
    Option("--follow", "go on with the rows that come", FLAG),
)
TOKEN_NAME = Option("name", "what you call it, such as the machine that it is for")
TOKEN_LOGIN = Option("--login", "the GitHub login of the person that it speaks for", {"required": True})

COMMANDS: tuple[Command, ...] = (
    Command("setup", "register the GitHub App with one click and write .env", "bot.setup:run_setup", SETUP_OPTIONS),
    Command("doctor", "check everything it needs, one line each with the cure", "bot.doctor:run_doctor", json=True),
    Command("demo", "show the way from a label to a draft pull request on this machine", "bot.demo:run_demo"),
    Command("up", "run everything under one supervisor", "bot.up:run_up"),
    Command("web", "run the web process: webhooks, pages and the API", "bot.receiving.serve:serve", service=True),
    Command("worker", "run the workers", "bot.workers:run_workers", service=True),
    Command("clock", "run the clock, which wakes what was left behind", "jobs.clock:run_clock", service=True),
    Command("slack", "run what talks in Slack", "bot.slack_bot.process:run_slack", service=True),
    Command("discord", "run what talks in Discord", "bot.discord_bot.process:run_discord", service=True),
    Command("migrate", "bring the database to this version's tables", "bot.chores:run_migrate", json=True),
    Command("backup", "save the state in one file, while it runs", "bot.backup:run_backup", BACKUP_OPTIONS, json=True),
    Command(
        "restore",
        "put the state that a backup holds in the place of the database",
        "bot.backup:run_restore",
        RESTORE_OPTIONS,
        json=True,
    ),
    Command(
        "sandbox build",
        "build the image that sandboxes start from",
        "bot.chores:run_sandbox_build",
        BUILD_OPTIONS,
        json=True,
    ),
    Command(
        "token create",
        "make a token for a command line elsewhere, and print it once",
        "bot.shell.tokens:run_create",
        (TOKEN_NAME, TOKEN_LOGIN),
        json=True,
    ),
    Command("token list", "list the tokens, without the tokens themselves", "bot.shell.tokens:run_list", json=True),
    Command("token revoke", "make a token worthless", "bot.shell.tokens:run_revoke", (TOKEN_NAME,), json=True),
    Command(
        "audit verify",
        "prove that no row was changed, and find what was cut off",
        "bot.shell.audit:run_verify",
        VERIFY_OPTIONS,
        json=True,
    ),
    Command("audit export", "write rows for other programs", "bot.shell.audit:run_export", EXPORT_OPTIONS, json=True),
    Command("audit tail", "show the newest rows", "bot.shell.audit:run_tail", TAIL_OPTIONS, json=True),
    Command(
        "audit erase",
        "make unreadable for ever what names a person, and keep the chain whole",
        "bot.shell.audit:run_erase",
        (Option("person", "a GitHub login, or slack:ID or discord:ID of somebody who has not linked"),),
        json=True,
    ),
    Command(
        "completion",
        "print a script that completes commands and task ids in a shell",
        "bot.shell.completion:run_completion",
        (Option("shell", "bash, zsh or fish", {"choices": list(SHELLS)}),),
        json=True,
    ),
    Command("version", "print the version", "bot.chores:run_version", json=True),
)

GROUPS = {
    "audit": "the record of what was decided and done, by whom and why",
    "sandbox": "the image that sandboxes start from",
    "token": "the keys by which a command line elsewhere speaks for somebody",
}
"""What the first word of a two-word command is about."""

BOT_WORDS = tuple(dict.fromkeys(name.partition(" ")[0] for name in (*ENTRIES, *ALIASES)))
"""The words with which a command of the bot begins; ``help`` is the bot's when more follows."""
