"""The names under which processes hold what one at a time may hold, and whether the process of a name has died."""

from __future__ import annotations

import os
import socket
from functools import cache
from hashlib import sha256
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")
PROCESSES = Path("/proc/self/ns/pid")


def new_name() -> str:
    """Return a name for this process that no other one has had: host, process, and where its number counts."""
    return f"{socket.gethostname()}:{os.getpid()}:{_place()}{os.urandom(3).hex()}"


def process_of(owner: str) -> int:
    """Return the process of a name where its number means something here, else 0.

    Containers may share the name of a host, and a host may have been started again: their numbers are other ones.
    """
    host, _, rest = owner.partition(":")
    number, _, where = rest.partition(":")
    here = host == socket.gethostname() and where.startswith(_place())
    return int(number) if here and number.isascii() and number.isdigit() else 0


def is_dead(owner: str) -> bool:
    """Tell whether the process of a name has died for certain; one elsewhere, or one that stands still, may live."""
    number = process_of(owner)
    if not number:
        return False
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return _is_zombie(number)


def _is_zombie(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state in {"Z", "X"}


@cache
def _place() -> str:
    """Return a word for this start of this machine and for the processes that are numbered together here."""
    try:
        told = f"{BOOT.read_text(encoding='ascii')} {PROCESSES.readlink()}"
    except OSError:
        told = ""
    return sha256(told.encode()).hexdigest()[:8]
