"""The first page tells what is late, and not what has just come."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from bot.board import LATE_SECONDS, Board
from jobs.types import Cause, Delivery, Diagnosis, Kind, Subject
from tests.store.asking import NOW, request, running, submit
from tests.store.test_runs import STEP

if TYPE_CHECKING:
    from config.settings import Settings
    from jobs.store import Store


def states(board: Board) -> dict[str, str]:
    """Return the state of each part."""
    return {part.name: part.state for part in board.parts()}


def test_what_is_new_is_not_late(settings: Settings, store: Store) -> None:
    """A task and a delivery of this moment leave the parts good; old ones that wait do not."""
    board, now = Board(settings, store), time.time()
    submit(store, request(1), now)
    store.deliveries.add(Delivery("guid-new-1", "github", "issues", b"{}", now))
    assert (states(board)["Workers"], states(board)["Inbox"]) == ("good", "good")
    submit(store, request(2), now - LATE_SECONDS - 1)
    store.deliveries.add(Delivery("guid-old-1", "github", "issues", b"{}", now - LATE_SECONDS - 1))
    assert (states(board)["Workers"], states(board)["Inbox"]) == ("wait", "wait")


def test_what_waits_for_ci_is_not_called_queued(settings: Settings, store: Store) -> None:
    """It needs no worker; it is counted apart, and its page links to the red commit and tells what is red."""
    board = Board(settings, store)
    about = {"sha": "a" * 40, "asked": False}
    task = running(store, kind=Kind.FIX_CI, subject=Subject("ci"), about=about)
    found = Diagnosis(Cause.UNKNOWN, "Nothing tells.", workflow="Deploy")
    store.runs.finish_stage(task.id, 1, "diagnosed", asdict(found), NOW)
    store.tasks.listen(task.id, 1, "ci:octo/shop@a", "waits")
    store.tasks.release(task.id, 1, not_before=NOW + 900)
    assert (board.counts().queued, board.counts().listening) == (0, 1)
    page = board.task(task.id)
    assert page is not None
    assert page.diagnosis == found
    assert page.subject_url == f"{settings.github_server_url}/octo/shop/commit/{'a' * 40}"


def test_a_page_knows_what_made_the_plan_and_where_the_subject_is(settings: Settings, store: Store) -> None:
    """Steps of the planning are counted apart, the approved plan is there, and work of no issue links to none."""
    board = Board(settings, store)
    task = running(store, kind=Kind.BACKGROUND, subject=Subject("bg"), plan_first=True)
    store.runs.record(task.id, 1, STEP, NOW)
    page = board.task(task.id)
    assert page is not None
    assert (page.planning_steps, page.approved_plan, page.subject_url) == (1, "", "")
    store.runs.finish_stage(task.id, 1, "planned", {"plan": "Do it.", "steps": 1}, NOW)
    store.tasks.wait(task.id, 1, worked=1.0, question="Do it.", plan=True)
    with store.write() as connection:
        store.tasks.approve(connection, task.id)
    page = board.task(task.id)
    assert page is not None
    assert (page.planning_steps, page.approved_plan) == (1, "Do it.")
    on_pull = board.task(running(store, kind=Kind.BACKGROUND, subject=Subject("pull", 7)).id)
    assert on_pull is not None
    assert on_pull.subject_url == f"{settings.github_server_url}/octo/shop/pull/7"
