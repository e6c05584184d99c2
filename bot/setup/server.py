"""Serves the set-up page on loopback until it is finished."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from werkzeug.serving import WSGIRequestHandler, make_server

from bot.setup.pages import create_app
from bot.setup.session import Session, first_choice

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

    from config.settings import Settings

_LOOPBACK = "127.0.0.1"


class _QuietHandler(WSGIRequestHandler):
    """Logs no request: the addresses carry the token and GitHub's code."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


class SetupServer:
    """The set-up page while it can be visited; ``session`` is the one visit."""

    def __init__(self, settings: Settings, env_path: Path) -> None:
        self._finished = threading.Event()
        self._server = make_server(_LOOPBACK, 0, self._serve, threaded=True, request_handler=_QuietHandler)
        self.session = Session(
            settings, env_path, f"http://{_LOOPBACK}:{self._server.server_port}", first_choice(settings)
        )
        self._app = create_app(self.session, self._finished.set)
        self._thread = threading.Thread(target=self._server.serve_forever, name="setup-page", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait(self, seconds: float) -> bool:
        """Wait until the last page was sent; false when the time is over before."""
        return self._finished.wait(seconds)

    def _serve(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._app(environ, start_response)
