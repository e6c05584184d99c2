"""The file of a backup: gzip, in it a tar of small parts, and at its end a manifest with a digest for each.

It is read without `tarfile`'s own reader, which follows what an archive says of itself: here each part is a plain file
with a name of a fixed form, nothing is written anywhere, and no part is bigger than fits into memory.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
import zlib
from dataclasses import asdict, dataclass, field
from typing import IO, TYPE_CHECKING, Any

from jobs.types import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

FORMAT = 1
PART = 1 << 20
"""Bytes after which a part of a table ends with its row."""
MOST_BYTES = 256 << 20
"""The most that a part may have; the largest thing that is stored, a bundle of 64 MB, is far below."""
MOST_OTHER_BYTES = 32 << 20
"""The most that the manifest or the settings may have."""
MOST_PARTS = 200_000
BLOCK = tarfile.BLOCKSIZE
MANIFEST, SETTINGS = "manifest.json", "settings.env"

_NAME = re.compile(r"manifest\.json|settings\.env|tables/([a-z_]{1,60})/\d{6}\.jsonl")
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,40}")
_SCHEMA = re.compile(r"\d{4}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_DAMAGED = "The backup is damaged or incomplete ({}). Nothing was changed; take another one."


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the archive, as the manifest has it."""

    bytes: int
    sha256: str


@dataclass(slots=True)
class Manifest:
    """What a backup says of itself: who made it when, from tables of which version, and what is in it."""

    version: str
    schema: str
    made_at: str
    engine: str
    columns: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def has_settings(self) -> bool:
        """Tell whether the settings are in it, with their secrets."""
        return SETTINGS in self.parts

    @property
    def size(self) -> int:
        """The bytes of all parts, unpacked."""
        return sum(part.bytes for part in self.parts.values())


class Writer:
    """Writes a backup from its beginning to its end, and keeps no more than one part in memory."""

    def __init__(self, out: IO[bytes], manifest: Manifest) -> None:
        self._gzip = gzip.GzipFile(filename="", fileobj=out, mode="wb", compresslevel=6)
        self.manifest = manifest

    def table(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Write the rows of a table."""
        self.manifest.columns[name], self.manifest.rows[name] = list(columns), 0
        held, size, number = [], 0, 0
        for row in rows:
            held.append(json.dumps(row, separators=(",", ":")).encode() + b"\n")
            size += len(held[-1])
            self.manifest.rows[name] += 1
            if size >= PART:
                number += 1
                self.part(f"tables/{name}/{number:06}.jsonl", b"".join(held))
                held, size = [], 0
        if held:
            self.part(f"tables/{name}/{number + 1:06}.jsonl", b"".join(held))

    def part(self, name: str, data: bytes) -> None:
        """Write one part."""
        if len(data) > MOST_BYTES or not _NAME.fullmatch(name):
            raise UserError(f"{name} has {len(data) >> 20} MB, which is too much for a backup. Please report this.")
        self.manifest.parts[name] = Part(len(data), hashlib.sha256(data).hexdigest())
        self._write(name, data)

    def close(self) -> None:
        """Write the manifest, and end the archive."""
        self._write(MANIFEST, json.dumps(asdict(self.manifest)).encode())
        self._gzip.write(bytes(2 * BLOCK))
        self._gzip.close()

    def _write(self, name: str, data: bytes) -> None:
        header = tarfile.TarInfo(name)
        header.size, header.mode = len(data), 0o600
        self._gzip.write(header.tobuf(tarfile.USTAR_FORMAT))
        self._gzip.write(data)
        self._gzip.write(bytes(-len(data) % BLOCK))


def verify(file: IO[bytes]) -> Manifest:
    """Read a whole backup, hold each part to its digest, and return the manifest; raises ``UserError``."""
    found: dict[str, Part] = {}
    manifest: Manifest | None = None
    for name, size, pieces in _parts(file):
        if manifest is not None or name in found:
            raise _damaged(f"{name} is there twice or too late")
        if name == MANIFEST:
            manifest = _manifest(b"".join(pieces))
            continue
        digest = hashlib.sha256()
        for piece in pieces:
            digest.update(piece)
        found[name] = Part(size, digest.hexdigest())
    if manifest is None:
        raise _damaged("its end is missing")
    if manifest.parts != found:
        wrong = sorted(name for name in {*manifest.parts, *found} if manifest.parts.get(name) != found.get(name))
        raise _damaged(f"{wrong[0]} is not what was written")
    return manifest


def tables(file: IO[bytes], manifest: Manifest) -> Iterator[tuple[str, list[list[Any]]]]:
    """Yield the rows of a verified backup, part by part, each with the name of its table."""
    counts = dict.fromkeys(manifest.columns, 0)
    for name, _size, pieces in _parts(file):
        if name in {MANIFEST, SETTINGS}:
            continue
        data = b"".join(pieces)
        if hashlib.sha256(data).hexdigest() != manifest.parts[name].sha256:
            raise _damaged("it was changed while it was read")
        table = name.split("/")[1]
        if table not in counts:
            raise _damaged(f"its manifest has no table {table}")
        rows = _rows(data)
        counts[table] += len(rows)
        yield table, rows
    if counts != manifest.rows:
        raise _damaged("it has other rows than its manifest says")


def settings(file: IO[bytes]) -> str:
    """Return the text of the settings in a verified backup."""
    for name, _size, pieces in _parts(file):
        if name == SETTINGS:
            return b"".join(pieces).decode(errors="replace")
    return ""


def _rows(data: bytes) -> list[list[Any]]:
    """Read the rows of a part; what comes before the last one is never more than a part's usual size."""
    if data.rfind(b"\n", 0, -1) > PART:
        raise _damaged("a part has too many rows")
    try:
        rows = [json.loads(line) for line in data.splitlines()]
    except (ValueError, RecursionError) as error:
        raise _damaged("a row cannot be read") from error
    if not all(isinstance(row, list) for row in rows):
        raise _damaged("a row is none")
    return rows


def _parts(file: IO[bytes]) -> Iterator[tuple[str, int, Iterator[bytes]]]:
    """Yield name, size and content of each part; what of the content is not read is skipped."""
    try:
        file.seek(0)
        stream = io.BufferedReader(gzip.GzipFile(fileobj=file, mode="rb"), PART)
        for _ in range(MOST_PARTS):
            header = _exactly(stream, BLOCK)
            if not any(header):
                break
            name, size = _header(header)
            pieces = _pieces(stream, size)
            yield name, size, pieces
            for _piece in pieces:
                pass
            _exactly(stream, -size % BLOCK)
        if any(_exactly(stream, BLOCK)) or stream.read(1):  # To the very end, where gzip keeps a checksum of all.
            raise _damaged("something follows its end")
    except gzip.BadGzipFile as error:
        raise _damaged("it is no gzip file, or not as it was written") from error
    except (EOFError, zlib.error, tarfile.TarError, UnicodeDecodeError) as error:
        raise _damaged("it is cut short or changed") from error
    except OSError as error:
        raise UserError(f"The backup cannot be read ({error.strerror}).") from error


def _header(block: bytes) -> tuple[str, int]:
    header = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    most = MOST_BYTES if header.name.startswith("tables/") else MOST_OTHER_BYTES
    if header.type != tarfile.REGTYPE or not _NAME.fullmatch(header.name) or not 0 <= header.size <= most:
        raise _damaged("it holds something that no backup of Opus 67 does")
    return header.name, header.size


def _pieces(stream: IO[bytes], size: int) -> Iterator[bytes]:
    while size:
        piece = _exactly(stream, min(size, PART))
        size -= len(piece)
        yield piece


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data


def _manifest(data: bytes) -> Manifest:
    """Read the manifest, which is shown to people and believed only as far as its form is right."""
    try:
        said = json.loads(data)
        if said["format"] != FORMAT:
            raise UserError(f"The backup is of a newer form ({said['format']:d}). Upgrade Opus 67, then restore it.")
        parts = {name: Part(int(one["bytes"]), str(one["sha256"])) for name, one in said["parts"].items()}
        manifest = Manifest(said["version"], said["schema"], said["made_at"], said["engine"], parts=parts)
        manifest.columns = _checked(said["columns"])
        manifest.rows = {name: int(said["rows"][name]) for name in said["columns"]}
        shown = ((_VERSION, manifest.version), (_SCHEMA, manifest.schema), (_TIME, manifest.made_at))
        right = all(form.fullmatch(text) for form, text in shown)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged("its manifest cannot be read") from error
    if not right:
        raise _damaged("its manifest says what none does")
    return manifest


def _checked(said: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    columns = {str(name): [str(one) for one in names] for name, names in said.items()}
    if not all(len(set(names)) == len(names) for names in columns.values()):
        raise ValueError
    return columns


def _damaged(why: str) -> UserError:
    return UserError(_DAMAGED.format(why))
