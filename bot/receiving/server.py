"""Granian over a socket that is shared by its processes; by itself it opens one for each of them."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, Loops
from granian.log import LogLevels
from granian.server.mp import MPServer

from bot.receiving.listening import ADDRESS, BACKLOG

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from contextlib import AbstractContextManager

STOP_SECONDS = 5


class SharedSocketServer(MPServer):
    """Granian's server, whose processes take connections from one socket.

    Granian has this for unix sockets and for other systems than Linux; here the same is done for a socket of ours.
    """

    listener: socket.socket
    at_rest: Callable[[], AbstractContextManager[object]] = nullcontext
    """What holds the threads of this process at rest while it forks."""

    def _init_shared_socket(self) -> None:
        self._sso = self.listener
        self._shd = SocketHolder(self.listener.fileno(), False, BACKLOG)  # type: ignore[assignment, call-arg]

    def _spawn_workers(self, *arguments: Any) -> None:
        with self.at_rest():
            super()._spawn_workers(*arguments)  # type: ignore[no-untyped-call]

    def _respawn_workers(self, *arguments: Any, **options: Any) -> None:
        with self.at_rest():
            super()._respawn_workers(*arguments, **options)


def server(
    application: str,
    listener: socket.socket,
    processes: int,
    at_rest: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> SharedSocketServer:
    """Return a server of an application factory, named as ``module:function``."""
    made = SharedSocketServer(
        application,
        factory=True,
        address=ADDRESS,
        port=listener.getsockname()[1],
        interface=Interfaces.RSGI,
        websockets=False,
        http=HTTPModes.http1,
        loop=Loops.asyncio,
        workers=processes,
        backlog=BACKLOG,
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    )
    made.listener, made.at_rest = listener, at_rest
    return made
