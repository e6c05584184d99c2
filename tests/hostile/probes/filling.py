"""Probes for what an agent might use up by one program; floods that must be killed are in test_sandbox_floods.py."""

from __future__ import annotations

from tests.hostile.probes.shape import Difference, Probe


def fills(folder: str, megabytes: int) -> str:
    """Return a program that fills a folder, and tells the error and whether it held less than it may."""
    return f"""
path = {folder!r} + "/opus67-flood"
size = 0
try:
    with open(path, "wb", 0) as file:
        while size < {megabytes} << 21:
            size += file.write(bytes(1 << 20))
    found = "more"
except OSError as error:
    assert size <= {megabytes} << 20, size
    found = errno.errorcode[error.errno]
finally:
    os.unlink(path)
"""


PROBES = (
    Probe(
        "open files without end",
        """
        opened = []
        try:
            while len(opened) < 100_000:
                opened.append(os.dup(0))
        except OSError as error:
            found = (errno.errorcode[error.errno], len(opened) <= 4096)
        """,
        r"got \('EMFILE', True\)",
    ),
    Probe(
        "start processes without end",
        """
        children = []
        try:
            while len(children) < 2_000:
                child = os.fork()
                if child == 0:
                    signal.pause()
                children.append(child)
        except OSError as error:
            found = (errno.errorcode[error.errno], 10 < len(children) < 128)
        finally:
            for child in children:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
        """,
        r"got \('EAGAIN', True\)",
    ),
    Probe(
        "fill the workspace",
        fills("/workspace", 128),
        "got ENOSPC",
        bubblewrap=Difference("got ENOSPC|got EFBIG", "a file may be as large as its folder"),
    ),
    Probe("fill the folder for passing files", fills("/tmp", 32), "got ENOSPC"),
    Probe("fill its home", fills("/home/agent", 32), "got ENOSPC"),
    Probe("fill the shared memory", fills("/dev/shm", 64), "got ENOSPC"),
    Probe(
        "make files without number",
        """
        os.mkdir("/tmp/many")
        made = 0
        try:
            for made in range(20_000):
                os.close(os.open(f"/tmp/many/{made}", os.O_CREAT))
            found = "more"
        except OSError as error:
            found = errno.errorcode[error.errno]
        finally:
            for number in range(made + 1):
                if os.path.exists(f"/tmp/many/{number}"):
                    os.unlink(f"/tmp/many/{number}")
            os.rmdir("/tmp/many")
        """,
        "got ENOSPC",
        bubblewrap=Difference(
            "got more", "there is no cap on the number of files; each costs memory of the machine", told=True
        ),
    ),
    Probe(
        "write a sparse giant",
        """
        with open("/workspace/giant", "wb") as file:
            os.unlink("/workspace/giant")
            os.ftruncate(file.fileno(), 1 << 40)
            os.pwrite(file.fileno(), b"x", 1 << 39)
            found = os.fstat(file.fileno()).st_blocks * 512 <= 1 << 20
        """,
        "got True",
        bubblewrap=Difference("EFBIG", "a file may be as large as its folder"),
    ),
    Probe("write into the engine's log", "found = write('/proc/1/fd/1', 'x' * 4096)", "EACCES"),
    Probe(
        "use up the queues for messages",
        """
        opened = []
        try:
            for number in range(1_000):
                opened.append(checked(libc.mq_open(f"/opus67-{number}".encode(), os.O_RDWR | os.O_CREAT, 0o600, None)))
            found = "more"
        except OSError as error:
            found = (errno.errorcode[error.errno], len(opened) < 257)
        finally:
            for number in range(1_000):
                libc.mq_unlink(f"/opus67-{number}".encode())
        """,
        r"got \('(EMFILE|ENOSPC)', True\)",
    ),
    Probe(
        "hold memory of the kernel by pipes",
        """
        ends = [os.pipe() for _ in range(50)]
        try:
            sizes = [fcntl.fcntl(write, 1031, 1 << 30) for _, write in ends]
        except OSError as error:
            found = errno.errorcode[error.errno]
        else:
            found = sum(sizes)
        """,
        "got EPERM",
    ),
)
