"""Reading and writing files: regular ones only, never waiting, never half."""

# pathlib would cost every start of a sandbox 10 ms.
# ruff: noqa: PTH103, PTH104, PTH108, PTH114, PTH115, PTH120, PTH123
from __future__ import annotations

import os
import stat
import time


class Refused(Exception):
    """A request that cannot be served, with the reason in words."""


def read_file(path: str, limit: int) -> bytes:
    """Return a regular file's bytes; never waits on a FIFO and never follows a link at the end of the path."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        raise Refused(why_not(path, error)) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Refused(f"{path} is not a regular file, it is a {kind_of(status.st_mode)}.")
        if status.st_size > limit:
            raise Refused(f"{path} has {status.st_size} bytes, more than the {limit} that may be read.")
        data = read_up_to(descriptor, limit + 1)
    except OSError as error:
        raise Refused(why_not(path, error)) from None
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise Refused(f"{path} has more than the {limit} bytes that may be read.")
    return data


def read_up_to(descriptor: int, size: int) -> bytes:
    """Return what a descriptor gives, at most ``size`` bytes; files of /proc tell no size beforehand."""
    data = bytearray()
    while len(data) < size:
        chunk = os.read(descriptor, min(size - len(data), 1 << 20))
        if not chunk:
            break
        data += chunk
    return bytes(data)


def write_file(path: str, data: bytes) -> None:
    """Write a regular file beside its old self and rename it, so that a full disk leaves the old one whole."""
    if not path.startswith("/") or path.endswith("/"):
        raise Refused(f"{path} is not an absolute path of a file.")
    temporary = f"{os.path.dirname(path)}/.opus67-{os.getpid()}-{time.monotonic_ns()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        mode = writable_mode(path)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        try:
            with open(descriptor, "wb") as file:
                os.fchmod(descriptor, mode)
                file.write(data)
            os.rename(temporary, path)
        except OSError:
            os.unlink(temporary)
            raise
    except (OSError, ValueError) as error:
        raise Refused(why_not(path, error)) from None


def writable_mode(path: str) -> int:
    """Return the permissions for a file to be written, those of the old one if there is one; refuse what is no file."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return 0o644
    if not stat.S_ISREG(status.st_mode):
        raise Refused(f"{path} is not a regular file, it is a {kind_of(status.st_mode)}.")
    return stat.S_IMODE(status.st_mode)


def kind_of(mode: int) -> str:
    """Return the word for a file's type."""
    words = {
        stat.S_IFDIR: "directory",
        stat.S_IFLNK: "symbolic link",
        stat.S_IFIFO: "FIFO",
        stat.S_IFSOCK: "socket",
        stat.S_IFCHR: "device",
        stat.S_IFBLK: "device",
    }
    return words.get(stat.S_IFMT(mode), "special file")


def why_not(path: str, error: Exception) -> str:
    """Return the reason why a path could not be opened, in words."""
    if os.path.islink(path) if "\0" not in path else False:
        return f"{path} is a symbolic link to {os.readlink(path)}; name that path instead."
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{path}: {reason}."
