"""How much of what is still being sent may be held at once, so that bodies without end do not fill the memory."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterator


class NoRoom(Exception):
    """Too much is held already."""


class Room:
    """Bytes that are left for large bodies; belongs to one event loop."""

    def __init__(self, size: int) -> None:
        """Take how many bytes may be held at once."""
        self._left = size

    @contextmanager
    def share(self) -> Iterator[Share]:
        """Yield a share of the room, which is given back at the end."""
        share = Share(self)
        try:
            yield share
        finally:
            self._left += share.size

    def take(self, size: int) -> None:
        """Take some of the room; raises ``NoRoom``."""
        if size > self._left:
            raise NoRoom
        self._left -= size


class Share:
    """What one request holds of the room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.size = 0

    async def body(self, parts: AsyncIterable[bytes], most: int) -> bytes:
        """Return a request's body, or a bit more than the most that is taken of it; raises ``NoRoom``."""
        found = []
        async for part in parts:
            self._room.take(len(part))
            self.size += len(part)
            found.append(bytes(part))
            if self.size > most:
                break
        return b"".join(found)
