"""What a command printed, within a limit."""

from __future__ import annotations

CHUNK = 1 << 16


class Output:
    """What a command printed: the first and the last half of ``limit`` bytes, and how much was left out between."""

    def __init__(self, limit: int) -> None:
        self.half = max(1, limit // 2)
        self.head = bytearray()
        self.tail = bytearray()
        self.dropped = 0

    def add(self, data: bytes) -> None:
        """Take more output."""
        room = self.half - len(self.head)
        if room > 0:
            self.head += data[:room]
            data = data[room:]
        self.tail += data
        if len(self.tail) > 2 * self.half + CHUNK:
            self._trim()

    def _trim(self) -> None:
        excess = len(self.tail) - self.half
        if excess > 0:
            self.dropped += excess
            del self.tail[:excess]

    def text(self) -> bytes:
        """Return the output, cut in the middle with a sentence that says so."""
        self._trim()
        if not self.dropped:
            return bytes(self.head + self.tail)
        note = f"\n[... {self.dropped} bytes of output were left out here ...]\n".encode()
        return bytes(self.head) + note + bytes(self.tail)
