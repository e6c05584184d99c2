"""The socket on which the web processes listen: one for all of them, so that whoever is alive takes what comes.

The kernel hands a connection to one of several sockets on a port even where its process stands still or has died.
On one shared socket a connection waits until some process takes it, also while all of them are being started again.
"""

from __future__ import annotations

import errno
import os
import socket
import stat

from jobs.types import UserError

ADDRESS = "0.0.0.0"  # noqa: S104 - GitHub must reach it, and it may stand in a container
BACKLOG = 1024
"""Connections that wait at most; they do so while every web process is being started again."""
STANDARD_INPUT = 0


def listen(port: int) -> socket.socket:
    """Listen on a port; raises ``UserError`` where that is not possible."""
    try:
        return socket.create_server((ADDRESS, port), backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EACCES:
            raise UserError(f"Port {port} needs root. Set PORT to a number from 1024 on.") from None
        raise UserError(
            f"Port {port} is taken by another program (`ss -ltnp 'sport = :{port}'` names it). "
            "Stop that one, or set PORT to another number."
        ) from None


def inherited() -> socket.socket | None:
    """Return the listening socket that this process got as its standard input, as inetd hands one over; else None."""
    try:
        if not stat.S_ISSOCK(os.fstat(STANDARD_INPUT).st_mode):
            return None
        found = socket.socket(fileno=os.dup(STANDARD_INPUT))
    except OSError:
        return None
    if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return found
    found.close()
    return None
