"""The first page, which says what to do next, and the page of one task behind its secret link."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, current_app, render_template, request

from bot.dashboard import red, rendering
from bot.dashboard.data import Dashboard, DashboardData
from jobs.answer.words import ELSEWHERE, MEND, PLAN, asked_for
from jobs.keys import fits
from jobs.types import Kind, Status

if TYPE_CHECKING:
    from flask import Flask

_PLACE = "opus67.dashboard"
_REFRESH_SECONDS = 10
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

blueprint = Blueprint(
    "dashboard", __name__, template_folder="templates", static_folder="static", static_url_path="/dashboard/static"
)


def mount(app: Flask, data: DashboardData, secret: bytes) -> None:
    """Put the pages into an application, with where their data comes from and the key of the tasks' links."""
    app.extensions[_PLACE] = Dashboard(data, secret)
    app.register_blueprint(blueprint)


@blueprint.get("/")
def first_page() -> str:
    """Say what to do next and how the parts are; the page may be public, so nothing private is on it."""
    data = _dashboard().data
    steps = data.next_steps()
    upcoming = next((step for step in steps if not step.done), None)
    return render_template(
        "dashboard/first.html", steps=steps, upcoming=upcoming, parts=data.parts(), counts=data.counts(), **_words()
    )


@blueprint.get("/tasks/<task_id>")
def task_page(task_id: str) -> str:
    """Show one task to whoever has its link; a wrong key and no such task look the same."""
    dashboard = _dashboard()
    page = dashboard.data.task(task_id) if fits(dashboard.secret, task_id, request.args.get("key", "")) else None
    if page is None:
        abort(HTTPStatus.NOT_FOUND)
    everything = request.args.get("all") == "1"
    steps = page.steps if everything else page.steps[-rendering.SHOWN_STEPS :]
    state, colour = rendering.state_words(page.task, page.outcome)
    running = page.task.status is not Status.COMPLETED
    return render_template(
        "dashboard/task.html",
        page=page,
        task=page.task,
        outcome=page.outcome,
        state=state,
        colour=colour,
        asked=asked_for(page.task).lower(),
        red=red.red(page.diagnosis) if page.diagnosis else None,
        mends=page.task.kind is Kind.FIX_CI,
        next_words=ELSEWHERE[MEND if page.task.kind is Kind.FIX_CI else PLAN].format(id=page.task.id),
        steps=[rendering.step_view(step) for step in reversed(steps)],
        left_out=len(page.steps) - len(steps),
        everything=f"?key={request.args['key']}&all=1",
        refresh=_REFRESH_SECONDS if running and not everything else 0,
        diff=rendering.diff_lines(page.outcome.patch.diff) if page.outcome and page.outcome.patch else [],
        **_words(),
    )


@blueprint.errorhandler(HTTPStatus.NOT_FOUND)
def nothing_here(_error: object) -> tuple[str, int]:
    """Answer a page that is not there."""
    return render_template("dashboard/nothing.html"), HTTPStatus.NOT_FOUND


@blueprint.after_request
def lock_down(response: Response) -> Response:
    """Let the pages run no script, load nothing from elsewhere, and leak no link."""
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if request.endpoint != "dashboard.static":
        response.headers["Cache-Control"] = "no-store"
    return response


def _dashboard() -> Dashboard:
    found: Dashboard = current_app.extensions[_PLACE]
    return found


def _words() -> dict[str, object]:
    return {
        "duration": rendering.duration,
        "dollars": rendering.dollars,
        "clean": rendering.clean,
        "prose": rendering.prose,
        "safe_link": rendering.safe_link,
    }
