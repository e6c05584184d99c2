"""The set-up page: loopback only, one browser only, no scripts."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, Response, abort, g, make_response, redirect, render_template, request
from werkzeug.exceptions import HTTPException

from bot.setup.session import Session, same
from jobs.types import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Response as Answer

STYLE = Path(__file__).parent.parent / "dashboard" / "static" / "style.css"
_COOKIE = "opus67_setup"
_MOST_BYTES = 100_000


def create_app(session: Session, done: Callable[[], None]) -> Flask:
    """Return the pages over one session; ``done`` is called once the last page has been sent."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _MOST_BYTES
    _guard(app, session)

    @app.get("/")
    def start() -> Answer:
        if token := request.args.get("token", ""):
            return _enter(session, token)
        return redirect("/done") if session.result else _start_page(session)

    @app.post("/choose")
    def choose() -> Answer:
        session.choose(request.form)
        return redirect("/", HTTPStatus.SEE_OTHER)

    @app.get("/callback")
    def callback() -> Answer:
        session.register(request.args.get("code", ""), request.args.get("state", ""))
        return redirect("/done", HTTPStatus.SEE_OTHER)

    @app.post("/write")
    def write() -> Answer:
        session.write_again()
        return redirect("/done", HTTPStatus.SEE_OTHER)

    @app.post("/existing")
    def existing() -> Answer:
        session.choose({**request.form, "name": session.choice.name})
        session.adopt(request.form)
        return redirect("/done", HTTPStatus.SEE_OTHER)

    @app.get("/done")
    def finished() -> Answer:
        if session.result is None:
            return redirect("/")
        response = _page("done.html", session, result=session.result)
        response.call_on_close(done)
        return response

    return app


def _guard(app: Flask, session: Session) -> None:
    """Refuse every request that is not of the one browser that brought the token, and lock the pages down."""

    @app.before_request
    def check() -> None:
        host = urlsplit(session.address).netloc
        if request.host != host:
            abort(HTTPStatus.MISDIRECTED_REQUEST, f"Open {session.address} in the browser, by this very name.")
        if request.method == "POST" and request.headers.get("Origin") != session.address:
            abort(HTTPStatus.FORBIDDEN, "This form was not sent by the set-up page itself. Nothing was done.")
        arriving = request.path == "/" and request.args.get("token")
        if not arriving and not same(request.cookies.get(_COOKIE, ""), session.cookie):
            abort(
                HTTPStatus.FORBIDDEN, "Open the link that `opus67 setup` printed, in the browser that goes through it."
            )

    @app.after_request
    def lock_down(response: Response) -> Response:
        forms = f"'self' {_origin(session.choice.server_url)}"
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src 'nonce-{_nonce()}'; img-src data:; form-action {forms}; "
            "base-uri 'none'; frame-ancestors 'none'"
        )
        # The path (and so the token) stays here, while form posts keep their Origin header.
        response.headers["Referrer-Policy"] = "strict-origin"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.errorhandler(UserError)
    def tell(error: UserError) -> tuple[Answer, int]:
        if session.received:
            return _page("unwritten.html", session, message=str(error)), HTTPStatus.INTERNAL_SERVER_ERROR
        return _start_page(session, str(error)), HTTPStatus.BAD_REQUEST

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> tuple[Answer, int]:
        return _page("refused.html", session, message=error.description), error.code or 400


def _enter(session: Session, token: str) -> Answer:
    if not session.enter(token) and not same(request.cookies.get(_COOKIE, ""), session.cookie):
        abort(
            HTTPStatus.FORBIDDEN,
            "This link was used already, or is of another set-up. Start `opus67 setup` again for a new one.",
        )
    response = redirect("/", HTTPStatus.SEE_OTHER)
    response.set_cookie(_COOKIE, session.cookie, httponly=True, samesite="Lax", path="/")
    return response


def _start_page(session: Session, error: str = "") -> Answer:
    action, manifest = session.manifest_form()
    return _page("start.html", session, action=action, manifest=manifest, error=error, typed=request.form)


def _page(template: str, session: Session, **values: object) -> Answer:
    style = STYLE.read_text(encoding="utf-8")
    return make_response(render_template(template, session=session, nonce=_nonce(), style=style, **values))


def _nonce() -> str:
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return str(g.nonce)


def _origin(url: str) -> str:
    """Return the origin that the form goes to; an Enterprise Server may send the person to its single sign-on first."""
    parts = urlsplit(url)
    public = parts.hostname == "github.com" or parts.scheme == "http"
    return f"{parts.scheme}://{parts.netloc}" if public else "https:"
