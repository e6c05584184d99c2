"""Test reports out of an artifact, which is a zip file by strangers: few, small, and never unpacked to disk. Pure."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ARCHIVE_LIMIT = 20_000_000
MOST_ENTRIES = 2_000
MOST_REPORTS = 50
REPORT_LIMIT = 5_000_000
TOTAL_LIMIT = 20_000_000
HIGHEST_RATIO = 200
"""Of unpacked to packed bytes; XML of tests packs about ten to one."""

_NAME = re.compile(r"junit|test|report|surefire|result|xunit|nextest|pytest|jest", re.IGNORECASE)
_BEGINNING = re.compile(rb"<testsuites?[\s>]")
_LOOKED_AT = 4_096
_ENTRY = b"PK\x01\x02"
"""Begins each entry of a zip file's directory: counted before the directory is read, which may be all of the file."""
_PACKED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""What artifacts are packed with; others ask for as much memory as they like before a byte is unpacked."""


def promising(name: str) -> bool:
    """Tell whether an artifact's name looks like that of test reports."""
    return _NAME.search(name) is not None


def reports(archive: bytes) -> Iterator[bytes]:
    """Yield the JUnit files of a zip file; what is too large, packed too tightly or broken is left out."""
    if len(archive) > ARCHIVE_LIMIT or archive.count(_ENTRY) > MOST_ENTRIES:
        return
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            yield from _read(opened, [entry for entry in opened.infolist() if _wanted(entry)][:MOST_REPORTS])
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, zlib.error, RuntimeError):
        return


def _wanted(entry: zipfile.ZipInfo) -> bool:
    if entry.is_dir() or not entry.filename.lower().endswith(".xml") or entry.flag_bits & 1:  # encrypted
        return False
    if entry.compress_type not in _PACKED:
        return False
    return entry.file_size <= REPORT_LIMIT and entry.file_size <= max(entry.compress_size, 1) * HIGHEST_RATIO


def _read(opened: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> Iterator[bytes]:
    """Read what the directory promises and not more, since its sizes are only claims."""
    left = TOTAL_LIMIT
    for entry in entries:
        with opened.open(entry) as file:
            data = file.read(min(entry.file_size, left) + 1)
        if len(data) > min(entry.file_size, left):
            return
        left -= len(data)
        if _BEGINNING.search(data[:_LOOKED_AT]):
            yield data
