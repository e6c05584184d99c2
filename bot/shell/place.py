"""Which repository the current folder belongs to, read from git's files as text: nothing of it is run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 1_000_000
_SECTION = re.compile(r'\[remote "([^"]+)"\]')
_URL = re.compile(r"url\s*=\s*(.+)")
_SCP = re.compile(r"(?:[\w.-]+@)?(?P<host>[\w.-]+):(?!//)(?P<path>.+)")
_REPOSITORY = re.compile(r"/?([\w.-]+/[\w.-]+?)(?:\.git)?/?")


def repository_here(folder: Path, server_url: str) -> str:
    """Return owner/name of the GitHub repository that a folder is a checkout of, or nothing."""
    urls = _remotes(_config(folder))
    ordered = [urls[name] for name in ("origin", "upstream") if name in urls] or (
        list(urls.values()) if len(urls) == 1 else []
    )
    return next((found for url in ordered if (found := repository_of(url, server_url))), "")


def repository_of(url: str, server_url: str) -> str:
    """Return owner/name of a remote's URL when it is on that server, or nothing."""
    server = urlsplit(server_url)
    if (match := _SCP.fullmatch(url)) and "://" not in url:
        host, path, fits = match["host"], match["path"], True
    else:
        try:
            parts = urlsplit(url)
            host, path = parts.hostname or "", parts.path
            # Through ssh a server has another port than its pages have.
            fits = parts.scheme in {"ssh", "git"} or (parts.scheme in {"http", "https"} and parts.port == server.port)
        except ValueError:
            return ""
    found = _REPOSITORY.fullmatch(path)
    return found[1] if found and fits and host.lower() == (server.hostname or "") else ""


def _config(folder: Path) -> str:
    """Return git's configuration of the checkout that a folder is in."""
    for parent in (folder, *folder.parents):
        mark = parent / ".git"
        if mark.is_file():  # A worktree: the file names a folder below the real one.
            named = _text(mark).removeprefix("gitdir:").strip()
            place = parent / named if named else mark
            common = _text(place / "commondir").strip()
            return _text((place / common if common else place) / "config")
        if mark.is_dir():
            return _text(mark / "config")
    return ""


def _remotes(config: str) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in config.splitlines():
        words = line.strip()
        if words.startswith("["):
            section = _SECTION.fullmatch(words)
            name = section[1] if section else ""
        elif name and (match := _URL.fullmatch(words)):
            found.setdefault(name, match[1].strip().strip('"'))
    return found


def _text(path: Path) -> str:
    """Return what stands in a regular file, or nothing."""
    try:
        if not path.is_file():
            return ""
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(MOST_BYTES)
    except OSError:
        return ""
