"""Writes settings into ``.env``: atomically, for its owner's eyes only, every other line kept."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from config import dotenv
from jobs.types import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Written:
    """Where the settings went, which names had another value before, and where the file of before was kept."""

    path: Path
    replaced: tuple[str, ...]
    backup: Path | None


def replaced(path: Path, names: Mapping[str, str] | tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the names that the file gives a value to, with a mapping only where the value differs."""
    values = dotenv.parse(_read(path)).values
    if isinstance(names, tuple):
        return tuple(name for name in names if values.get(name))
    return tuple(name for name, value in names.items() if values.get(name) and values[name].strip() != value.strip())


def update(path: Path, values: Mapping[str, str], backups: Path) -> Written:
    """Set the values in the file; what they replace is kept in a copy of the old file under ``backups``."""
    path = path.resolve()
    old = _read(path)
    changed = replaced(path, values)
    try:
        backup = _keep(old, backups) if changed else None
        _write(path, updated(old, values))
    except OSError as error:
        raise UserError(
            f"{path} could not be written ({error.strerror}). Make its folder writable for this user, then try again."
        ) from error
    return Written(path, changed, backup)


def check_writable(path: Path) -> None:
    """Raise ``UserError`` when the file could not be written later, before anything irreversible happens."""
    path = path.resolve()
    _read(path)
    if not os.access(path.parent, os.W_OK) or path.is_dir():
        raise UserError(
            f"{path} cannot be written. Run `opus67 setup` in a folder of yours, or name one by --env-file."
        )


def updated(old: str, values: Mapping[str, str]) -> str:
    """Return the text of the file with the values set."""
    text, done = old, set[str]()
    for entry in reversed(dotenv.parse(old).entries):  # The last one of a name wins, so it is the one to change.
        if entry.name in values:
            line = "" if entry.name in done else f"{entry.name}={dotenv.quote(values[entry.name])}\n"
            text = text[: entry.start] + line + text[entry.end :]
            done.add(entry.name)
    added = [f"{name}={dotenv.quote(value)}\n" for name, value in values.items() if name not in done]
    if added:
        gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
        text += f"{gap}# Written by `opus67 setup`.\n" + "".join(added)
    return text


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}). Mend it or move it away, then try again.") from error


def _keep(text: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    handle, name = tempfile.mkstemp(prefix=f"env-{stamp}-", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(name)


def _write(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(prefix=".env-", dir=path.parent)  # Made with mode 0600.
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)  # noqa: PTH105 - the same call, without a second Path
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
