"""Where a secret could be found by somebody who looks: files, database, Redis, audit, processes, pages; and its shapes."""

from __future__ import annotations

import base64
import re
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from redis import Redis

from jobs.store import Wanted
from jobs.store.tables import deliveries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.journeys.town import Town


def forms(value: bytes) -> list[bytes]:
    """Return a secret as it is, reversed, in hex, and the part of its base64 that is the same at each offset."""
    shifted = [base64.b64encode(b"\0" * offset + value)[4 if offset else 0 : -4] for offset in range(3)]
    return [value, value[::-1], value.hex().encode(), *shifted]


def assert_clean(secrets: Mapping[str, str], where: str, content: bytes) -> None:
    """Check that none of the secrets is in some bytes, in any of its forms."""
    assert content, f"{where} is empty: nothing was looked at"
    found = [name for name, value in secrets.items() if any(form in content for form in forms(value.encode()))]
    assert not found, f"{', '.join(found)} in {where}"


def on_disk(town: Town) -> bytes:
    """Return all that is under OPUS67_HOME while it runs; bodies of deliveries are unpacked beside that."""
    files = [path for path in (town.product.home / "var").rglob("*") if path.is_file() and not path.is_symlink()]
    names = {path.name for path in files}
    assert "opus67.sqlite3" in names
    assert any("valkey" in str(path) for path in files)
    held = [path.read_bytes() for path in files]
    return b"\n".join([*held, *in_deliveries(town)])


def in_deliveries(town: Town) -> Iterable[bytes]:
    """Return the bodies of deliveries as they came."""
    store = town.product.store
    with store.database.read() as connection:
        guids = connection.execute(sa.select(deliveries.c.guid)).scalars().all()
    assert guids
    found = [delivery.body for guid in guids if (delivery := store.deliveries.read(guid)) is not None]
    store.close()
    assert any(b'"repository"' in body for body in found)
    return found


def in_audit(town: Town) -> bytes:
    """Return the rows of the audit, opened."""
    store = town.product.store
    rows = list(store.audit.rows(Wanted()))
    store.close()
    return repr(rows).encode()


def in_redis(town: Town) -> bytes:
    """Return every key and every value that is in Redis while it runs, those of jobs among them."""
    environments = [(folder / "environ").read_bytes().split(b"\0") for folder in family(town)]
    url = next(one for words in environments for one in words if one.startswith(b"REDIS_URL=")).decode()
    with Redis.from_url(url.removeprefix("REDIS_URL=")) as redis:
        redis.lpush("a-list", "so that there is something")
        held = [part for key in redis.scan_iter("*") for part in (key, redis.dump(key) or b"")]
        redis.delete("a-list")
    return b"\n".join(held)


def in_processes(town: Town) -> bytes:
    """Return what everybody on the machine can read of the processes: command lines and names."""
    folders = family(town)
    assert len(folders) > 4, "web, workers, clock and who watches them"
    shown = [(folder / name).read_bytes() for folder in folders for name in ("cmdline", "comm", "status", "mountinfo")]
    return b"\n".join(shown)


def on_pages(town: Town) -> bytes:
    """Return the pages of tasks whose links were told on GitHub."""
    told = b"\n".join(one.raw_body for one in town.product.github.requests)
    links = set(re.findall(rf"http://127\.0\.0\.1:{town.product.port}/tasks/[0-9a-f]+\?key=[0-9a-f]+", told.decode()))
    assert links, "no page was told of"
    pages = []
    for link in sorted(links):
        with urllib.request.urlopen(link, timeout=20) as answer:  # noqa: S310 - a link of ours, on loopback
            pages.append(answer.read())
    return b"\n".join(pages)


def family(town: Town) -> list[Path]:
    """Return the folders in /proc of all processes of the installation, which runs."""
    home = f"OPUS67_HOME={town.product.environment['OPUS67_HOME']}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if home in (folder / "environ").read_bytes().split(b"\0"):
                found.append(folder)
    return found
