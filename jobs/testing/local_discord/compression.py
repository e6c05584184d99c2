"""Writes the gateway's messages as a client asked for them: plain, or as one compressed stream."""

from __future__ import annotations

import json
import zlib
from importlib import import_module
from typing import Any, Protocol


class Encoder(Protocol):
    """One connection's way of writing; the text of a plain one, the bytes of a compressed one."""

    def encode(self, payload: Any) -> str | bytes:
        """Write one message."""
        ...


class Plain:
    """JSON as text."""

    def encode(self, payload: Any) -> str:
        """Write one message."""
        return json.dumps(payload)


class ZlibStream:
    """All messages are one zlib stream, flushed after each so that it can be read at once."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj()

    def encode(self, payload: Any) -> bytes:
        """Write one message."""
        return self._stream.compress(json.dumps(payload).encode()) + self._stream.flush(zlib.Z_SYNC_FLUSH)


class ZstdStream:
    """All messages are one Zstandard frame, flushed after each; needs Python 3.14 or the package ``zstandard``."""

    def __init__(self) -> None:
        try:
            module = import_module("compression.zstd")
            self._stream = module.ZstdCompressor()
            self._flush = self._stream.FLUSH_BLOCK
        except ImportError:
            module = import_module("zstandard")
            self._stream = module.ZstdCompressor().compressobj()
            self._flush = module.COMPRESSOBJ_FLUSH_BLOCK

    def encode(self, payload: Any) -> bytes:
        """Write one message."""
        written: bytes = self._stream.compress(json.dumps(payload).encode()) + self._stream.flush(self._flush)
        return written


def encoder(name: str) -> Encoder | None:
    """Return the encoder that a client asks for by ``compress=``, or None where there is no such one here."""
    if name == "":
        return Plain()
    if name == "zlib-stream":
        return ZlibStream()
    try:
        return ZstdStream() if name == "zstd-stream" else None
    except ImportError:
        return None
