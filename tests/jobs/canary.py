"""What a forged job would like to run; if it ever does, its song is heard."""

from __future__ import annotations

SONGS: list[object] = []


def sing(*words: object, **more: object) -> None:
    """Tell that this was called."""
    SONGS.append((words, more))


class Bird:
    """Sings when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return sing, ("from a pickle",)
