"""The commands that do one thing and end: migrate, sandbox build, version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.shell.documents import remark, say, tell

if TYPE_CHECKING:
    import argparse

ENGINES = ("docker", "podman")


def run_version(arguments: argparse.Namespace) -> int:
    """Print the version."""
    from importlib.metadata import version  # noqa: PLC0415 - slow to import, and used by one command

    number = version("opus67")
    tell(f"opus67 {number}", as_json=arguments.json, version=number)
    return 0


def run_migrate(arguments: argparse.Namespace) -> int:
    """Bring the database to this version's tables; does nothing when it is there."""
    from bot.up.banner import database_words  # noqa: PLC0415 - used by one command
    from config.settings import load  # noqa: PLC0415 - used by one command
    from jobs.store.migrations import HEAD, migrate  # noqa: PLC0415 - used by one command

    settings = load()
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    migrate(settings.database_url)
    words = database_words(settings.database_url)
    tell(f"The database is up to date: {words}.", as_json=arguments.json, database=words, version=HEAD)
    return 0


def run_sandbox_build(arguments: argparse.Namespace) -> int:
    """Build the image that sandboxes start from; does nothing when it is there, unless forced."""
    from config.settings import load  # noqa: PLC0415 - used by one command
    from jobs.sandbox.image import build  # noqa: PLC0415 - used by one command

    settings = load()
    engine = arguments.engine or (settings.sandbox if settings.sandbox in ENGINES else _engine_here())
    tag = arguments.tag or settings.sandbox_image
    build(engine, tag, arguments.base, remark if arguments.json else say, force=arguments.force)
    if arguments.json:
        tell("The sandbox's image is there.", as_json=True, engine=engine, image=tag)
    return 0


def _engine_here() -> str:
    """Return the first engine that answers; where none does, docker, whose absence is then told with the cure."""
    from jobs.sandbox.places import engine_socket  # noqa: PLC0415 - used by one command

    return next((engine for engine in ENGINES if engine_socket(engine)), ENGINES[0])
