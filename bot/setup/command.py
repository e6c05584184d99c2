"""``opus67 setup`` on the terminal: the page's link, or the values of an existing App from the flags."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.setup import env_file
from bot.setup.session import Result, Session, first_choice
from config import settings as configuration
from jobs.types import UserError

if TYPE_CHECKING:
    import argparse

    from config.settings import Settings

_PATIENCE_SECONDS = 3600


def run(arguments: argparse.Namespace) -> int:
    """Register or adopt the App; returns the exit code."""
    env_path = Path(arguments.env_file)
    settings = configuration.load(dotenv=env_path)
    env_file.check_writable(env_path)
    adopting = any((arguments.app_id, arguments.private_key_path, arguments.webhook_secret))
    result = _adopt(arguments, settings, env_path) if adopting else _by_page(settings, env_path)
    if result is None:
        _say("Nothing was registered in an hour, so the page was closed. Start again with `opus67 setup`.")
        return 1
    _report(result)
    return 0


def _by_page(settings: Settings, env_path: Path) -> Result | None:
    from bot.setup.server import SetupServer  # noqa: PLC0415 - the flags need no web server

    with SetupServer(settings, env_path) as server:
        link, port = server.session.link, server.session.address.rpartition(":")[2]
        _say(
            "Open this link in your browser. It works once, and only from this machine:",
            "",
            f"  {link}",
            "",
            f"From another machine, first: ssh -L {port}:127.0.0.1:{port} <this machine>",
            "Waiting … Ctrl-C ends it, and nothing is changed.",
        )
        server.wait(_PATIENCE_SECONDS)
        return server.session.result


def _adopt(arguments: argparse.Namespace, settings: Settings, env_path: Path) -> Result:
    app_id = arguments.app_id or settings.github_app_id
    if app_id is None:
        raise UserError("The App's id is missing. Add --app-id, for example --app-id 123456.")
    webhook_secret = arguments.webhook_secret or settings.github_webhook_secret
    if webhook_secret == "-":  # noqa: S105 - asks for it, so that it is in no history of a shell
        webhook_secret = getpass.getpass("Webhook secret: ")
    session = Session(settings, env_path, "", first_choice(settings))
    return session.adopt(
        {
            "app_id": str(app_id),
            "private_key": _key(arguments.private_key_path, settings),
            "webhook_secret": webhook_secret,
            "client_id": arguments.client_id or settings.github_client_id,
            "client_secret": arguments.client_secret or settings.github_client_secret,
        }
    )


def _key(path: str | None, settings: Settings) -> str:
    if not path:
        if settings.github_private_key:
            return settings.github_private_key
        raise UserError("The App's key is missing. Add --private-key-path with the .pem file that GitHub gave you.")
    try:
        return Path(path).expanduser().read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The key file {path} cannot be read. Give the .pem file that GitHub gave you.") from error


def _report(result: Result) -> None:
    written = result.written
    lines = [f"{result.name} (App {result.app_id}) is written to {written.path}, readable by you alone."]
    if written.replaced:
        lines.append(f"Replaced: {', '.join(written.replaced)}. The file of before is {written.backup}.")
    names = ("GITHUB_APP_ID", "GITHUB_PRIVATE_KEY", "GITHUB_WEBHOOK_SECRET")
    if outside := configuration.set_outside(names):
        lines.append(f"But the environment sets {', '.join(outside)} and wins over the file: unset it there.")
    lines += [*result.notes, "", "Next:"]
    steps = [f"install the App on your repositories: {result.install_url}"]
    if not (found := configuration.load(dotenv=written.path)).anthropic_api_key and not found.openai_base_url:
        steps.append(f"put ANTHROPIC_API_KEY into {written.path.name}")
    steps += ["check everything: opus67 doctor", "start: opus67 up", "label an issue `assign-to-opus`"]
    _say(*lines, *(f"  {number}. {step}" for number, step in enumerate(steps, 1)))


def _say(*lines: str) -> None:
    print("\n".join(lines), flush=True)  # noqa: T201 - the command line's own voice
