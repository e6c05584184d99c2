"""`opus67 backup` and `opus67 restore`: the state in one file, and out of it again, on the same engine or the other."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from bot.shell.documents import remark, tell
from bot.shell.exits import Exit
from bot.shell.failure import Failure
from bot.shell.operator import user_name
from bot.up import only_one
from bot.up.banner import database_words
from config.portable import portable
from config.settings import child_environment, load
from jobs import archive
from jobs.policy import OPERATOR
from jobs.store import RESTORED, Store
from jobs.store.copying import snapshot
from jobs.store.health import examine
from jobs.store.migrations import HEAD, known_versions
from jobs.store.replacing import check_target, file_of, replacement
from jobs.types import Actor, AuditEntry, UserError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from config.settings import Settings

OUT = "-"
ENV = Path(".env")
ROOM = 1.5
"""How much of the size of its rows a SQLite database may need, with its indexes and its log."""


def run_backup(arguments: argparse.Namespace) -> int:
    """Write all that is remembered into one file, while everything runs."""
    settings = load()
    _check_source(settings)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    name = arguments.file or f"opus67-{stamp}.tar.gz"
    if name == OUT:
        if sys.stdout.isatty() or arguments.json:
            raise Failure("`opus67 backup -` writes a file: send it into one, or through a pipe.", Exit.USAGE)
        manifest = _write(settings, sys.stdout.buffer, with_secrets=arguments.with_secrets)
        sys.stdout.flush()
        remark(_written_words(manifest, "standard output"))
        return Exit.DONE
    target = Path(name).absolute()
    with _new_file(target) as file:
        manifest = _write(settings, file, with_secrets=arguments.with_secrets)
    words = _written_words(manifest, str(target))
    data = {"file": str(target), "schema": manifest.schema, "rows": manifest.rows, "secrets": manifest.has_settings}
    tell(words, as_json=arguments.json, **data)
    return Exit.DONE


def run_restore(arguments: argparse.Namespace) -> int:
    """Put what a backup holds in the place of the database, after all of it was checked."""
    settings = load()
    with _opened(Path(arguments.file)) as file:
        manifest = archive.verify(file)
        _check_version(manifest)
        text = _settings_text(file, manifest) if arguments.with_secrets else ""
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        _check_owner(settings.home)
        with only_one(settings.home):
            kept = _restore(settings, file, manifest, force=arguments.force)
        if text:
            _write_settings(text)
        _tell_audit(load(), manifest)
    words = _restored_words(settings, manifest, kept, wrote=bool(text))
    data = {"rows": manifest.rows, "made_at": manifest.made_at, "kept": str(kept or ""), "settings": bool(text)}
    tell(words, as_json=arguments.json, **data)
    return Exit.DONE


def _check_source(settings: Settings) -> None:
    """Raise Failure where there is nothing to save."""
    file = file_of(settings.database_url)
    try:
        there = (file is None or file.exists()) and examine(settings.database_url).version is not None
    except UserError as error:
        raise Failure(str(error), Exit.UNREACHABLE) from error
    if not there:
        where = database_words(settings.database_url)
        raise Failure(f"There is no database to save ({where}). OPUS67_HOME or DATABASE_URL names another.", Exit.USAGE)


def _write(settings: Settings, out: IO[bytes], *, with_secrets: bool) -> archive.Manifest:
    """Write a whole backup."""
    from importlib.metadata import version  # noqa: PLC0415 - slow to import, and used by one command

    engine = "sqlite" if file_of(settings.database_url) else "postgresql"
    made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with snapshot(settings.database_url) as found:
        writer = archive.Writer(out, archive.Manifest(version("opus67"), found.schema, made, engine))
        for name, columns in found.columns.items():
            writer.table(name, columns, found.rows(name))
    if with_secrets:
        file = ENV.read_text(encoding="utf-8") if ENV.is_file() else ""
        writer.part(archive.SETTINGS, portable(settings, child_environment(), file).encode())
    writer.close()
    return writer.manifest


@contextmanager
def _new_file(target: Path) -> Iterator[IO[bytes]]:
    """Give a file for its owner's eyes only that has its name once it is whole and on the disk."""
    if target.exists():
        raise Failure(f"{target} is there already, and a backup replaces nothing. Name another file.", Exit.USAGE)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _name(part, target)
    except OSError as error:
        raise Failure(f"{target} could not be written: {error.strerror}. Name another file.", Exit.REFUSED) from error
    finally:
        part.unlink(missing_ok=True)


def _name(part: Path, target: Path) -> None:
    """Give a file its name unless the name is taken; where a file system has no links, a look has to do."""
    try:
        os.link(part, target)
    except OSError as error:
        if error.errno == errno.EEXIST or target.exists():
            raise
        part.rename(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Give a file to read from its beginning, more than once."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # A pipe without a writer must not hold us.
    except OSError as error:
        raise Failure(f"{path} cannot be opened: {error.strerror}.", Exit.USAGE) from error
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Failure(f"{path} is no file. Name what `opus67 backup` wrote.", Exit.USAGE)
        yield file


def _check_version(manifest: archive.Manifest) -> None:
    if manifest.schema not in known_versions():
        raise Failure(
            f"The backup was made by a newer version of Opus 67 ({manifest.version}, tables {manifest.schema}; "
            f"this one knows {HEAD}). Upgrade, then restore it.",
            Exit.REFUSED,
        )


def _check_owner(home: Path) -> None:
    """Raise Failure where root would leave files in a home that its owner could not open."""
    owner = home.stat().st_uid
    if os.geteuid() == 0 and owner != 0:
        raise Failure(
            f"{home} is another user's, who could not open what root makes there. "
            f"Run it as that user: sudo -u '#{owner}' opus67 restore …",
            Exit.USAGE,
        )


def _settings_text(file: IO[bytes], manifest: archive.Manifest) -> str:
    if not manifest.has_settings:
        raise Failure("The backup holds no settings: it was made without `--with-secrets`.", Exit.USAGE)
    if ENV.exists():
        raise Failure(f"{ENV.absolute()} is there already, and is not replaced. Move it away first.", Exit.USAGE)
    return archive.settings(file)


def _restore(settings: Settings, file: IO[bytes], manifest: archive.Manifest, *, force: bool) -> Path | None:
    """Put the rows in their place; returns where a SQLite database of before is now."""
    url = settings.database_url
    check_target(url, force=force)
    target = file_of(url)
    if target is not None and target.parent.is_dir():
        needed, free = int(manifest.size * ROOM), shutil.disk_usage(target.parent).free
        if needed > free:
            raise Failure(
                f"It needs about {needed >> 20} MB in {target.parent}, and {free >> 20} MB are free. Make room first.",
                Exit.REFUSED,
            )
    with replacement(url, manifest.schema, manifest.columns, force=force) as loader:
        for name, rows in archive.tables(file, manifest):
            loader.add(name, rows)
    return loader.kept


def _tell_audit(settings: Settings, manifest: archive.Manifest) -> None:
    """Say in the audit that it goes on from an earlier end, so that heads published since are no riddle."""
    store = Store.of(settings)
    try:
        reason = f"the state of {manifest.made_at} was put back from a backup"
        store.audit.record(AuditEntry(RESTORED, actor=Actor(OPERATOR, user_name()), reason=reason))
    finally:
        store.close()


def _write_settings(text: str) -> None:
    try:
        with os.fdopen(os.open(ENV, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Failure(
            f"The database is restored; {ENV.absolute()} could not be written: {error.strerror}. "
            "Restore into an empty database elsewhere to have the settings.",
            Exit.REFUSED,
        ) from error


def _written_words(manifest: archive.Manifest, where: str) -> str:
    secrets = (
        "The settings with all keys are in it: who has it can act as your App."
        if manifest.has_settings
        else "No key is in it: keep .env and the App's private key elsewhere, or use `--with-secrets`."
    )
    return f"Saved {_counted(manifest)} to {where}. {secrets}"


def _restored_words(settings: Settings, manifest: archive.Manifest, kept: Path | None, *, wrote: bool) -> str:
    lines = [f"Restored {_counted(manifest)} as of {manifest.made_at} into {database_words(settings.database_url)}."]
    if kept is not None:
        lines.append(f"The database of before is {kept}.")
    if wrote:
        lines.append(f"The settings are in {ENV.absolute()}, without OPUS67_HOME, DATABASE_URL and REDIS_URL.")
    elif manifest.has_settings:
        lines.append("It holds settings too; `--with-secrets` writes them to .env.")
    lines.append("`opus67 up` goes on from there. Run it nowhere else with the same App.")
    return "\n".join(lines)


def _counted(manifest: archive.Manifest) -> str:
    tasks, rows = manifest.rows.get("tasks", 0), sum(manifest.rows.values())
    return f"{tasks} task{'' if tasks == 1 else 's'}, {rows} row{'' if rows == 1 else 's'} in all,"
