"""Who hears what, where: one comment and one check run per task, edited as the work goes on, never in its way.

Chats read for themselves what is new; here they are only told that there is something.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from jobs.answer.check_run import check_output, moved_output
from jobs.answer.comment import living_comment
from jobs.answer.view import TaskView
from jobs.keys import page_url, signing_key
from jobs.scope import carried
from jobs.store import Place
from jobs.text.redact import redact, redact_all
from jobs.types import (
    CHECK_NAME,
    REVIEW_CHECK_NAME,
    Approval,
    Diagnosis,
    GitHubUnavailable,
    Interruption,
    Kind,
    Outcome,
    PlanItem,
    Status,
    UserError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.github import Repository
    from jobs.lease import Lease
    from jobs.services import Services
    from jobs.types import Task

QUIET_SECONDS = 3.0
"""Between two edits of the same comment: GitHub allows few writes a minute, and people read slowly."""
COMMENT, CHECK, PULL_REQUEST, REACTION = "comment", "check:", "pull_request", "reaction"
MARKED = "+"
"""Between the halves of two hashes of what a check run shows: all of it, and its annotations."""
DIAGNOSED = "diagnosed"
"""The stage that holds what is known of a red run, as it is shown."""

log = logging.getLogger(__name__)


class Teller:
    """Keeps the places of one task current, from a thread of its own; best effort until the ending.

    ``tell`` does it now and raises what went wrong: the ending must reach people.
    """

    def __init__(self, services: Services, repository: Repository, task: Task, lease: Lease) -> None:
        self._services, self._repository, self._lease = services, repository, lease
        self._task_id, self._number = task.id, task.subject.number
        self._shows = self._places(task)
        self._changed, self._ended = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._finished: set[str] = set()
        """The commits whose check run was ended ahead of the task."""
        self._began = time.monotonic()
        self._thread = threading.Thread(target=carried(self._work), name=f"teller-{task.id}", daemon=True)
        self.sha = _commit(services, task.id)
        """The commit that the check run belongs to; none is shown before it is known."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._changed.set()
        self._thread.join(timeout=30)

    def changed(self) -> None:
        """Say that there is something new to show; returns at once."""
        self._changed.set()

    def tell(self) -> None:
        """Show the current state everywhere; raises what GitHub answered, or LeaseLost.

        What GitHub refuses in one place, such as a comment on a deleted issue, does not keep the others from it.
        """
        self._services.waker.ring()
        with self._lock:
            view, refusals = self._view(), []
            for show in self._shows:
                try:
                    show(view)
                except UserError as refused:
                    refusals.append(refused)
            if refusals:
                raise refusals[0]

    def finish_check(self, sha: str, output: dict[str, Any]) -> None:
        """End a commit's check run ahead of the task, for which others wait; it shows nothing else before that ends."""
        with self._lock:
            place = self._services.store.records.place(self._task_id, f"{CHECK}{sha}")
            if place is not None:
                self._finished.add(sha)
                self._repository.update_check_run(int(place.external_id), output)

    def _places(self, task: Task) -> list[Callable[[TaskView], None]]:
        """Return what there is of a task on GitHub: work on no issue has no comment, an answer has no check run."""
        shows: list[Callable[[TaskView], None]] = []
        if task.subject.number:
            shows += [self._react, self._show_comment]
        if task.kind is Kind.REVIEW_PULL_REQUEST:  # the review itself says it
            return [self._show_check]
        return shows if task.kind is Kind.ASK else [*shows, self._show_check]

    def _work(self) -> None:
        while True:
            self._changed.wait()
            self._changed.clear()
            if self._ended.is_set():
                return
            pause = QUIET_SECONDS
            try:
                self.tell()
            except (GitHubUnavailable, UserError, Interruption) as error:
                log.warning("task %s could not be told now: %s", self._task_id, error)
                # Who goes on asking while GitHub wants quiet is shut out for longer.
                pause = max(pause, getattr(error, "retry_after", 0.0))
            except Exception:  # a notification's edge: logged; the work goes on, and the ending is told again
                log.exception("task %s could not be told", self._task_id)
            if self._ended.wait(pause):
                return

    def _view(self) -> TaskView:
        return view_of(self._services, self._task_id, time.monotonic() - self._began)

    def _react(self, view: TaskView) -> None:
        task, records = view.task, self._services.store.records
        if records.place(task.id, REACTION) is None:
            self._lease.fence()
            try:
                self._repository.react(task.subject.number, "eyes")
            except UserError as refused:  # on a locked issue, for one: words matter more
                log.info("no reaction on task %s: %s", task.id, refused)
            records.save_place(task.id, REACTION, Place("eyes", "", ""))

    def _show_comment(self, view: TaskView) -> None:
        body = redact(living_comment(view), self._services.redacted)
        shown = _hash(body)
        records = self._services.store.records
        place = records.place(self._task_id, COMMENT)
        if place is not None and place.shown == shown:
            return
        self._lease.fence()
        if place is None:
            comment = self._repository.ensure_comment(self._number, view.task.marker, body)
        else:
            number, marker = self._number, view.task.marker
            comment = self._repository.restore_comment(int(place.external_id), number, marker, body)
        records.save_place(self._task_id, COMMENT, Place(str(comment.id), comment.url, shown))

    def _show_check(self, view: TaskView) -> None:
        """Show the check run on the commit that it belongs to now; one that it left behind points there."""
        if not self.sha:
            return
        records, known = self._services.store.records, self._services.store.records.places(self._task_id, CHECK)
        for sha in {*known, self.sha}:
            if sha in self._finished and view.outcome is None:
                continue
            output = redact_all(_check(view, sha, current=sha == self.sha), self._services.redacted)
            place, marks = known.get(sha), output["output"].get("annotations")
            marked = _hash(repr(marks))[:32] if marks else place.shown.partition(MARKED)[2] if place is not None else ""
            shown = f"{_hash(repr(output))[:31]}{MARKED}{marked}"
            if place is not None and place.shown == shown:
                continue
            if marks and place is not None and place.shown.endswith(marked):
                del output["output"]["annotations"]  # GitHub adds those of each request to those that are there
            self._lease.fence()
            if place is None:
                name = REVIEW_CHECK_NAME if view.task.kind is Kind.REVIEW_PULL_REQUEST else CHECK_NAME
                check = self._repository.ensure_check_run(sha, view.task.id, name, output)
            else:
                check = self._repository.update_check_run(int(place.external_id), output)
            records.save_place(self._task_id, f"{CHECK}{sha}", Place(str(check.id), check.url, shown))


def _check(view: TaskView, sha: str, *, current: bool) -> dict[str, Any]:
    """Return what the check run on a commit shows; lines are marked only on the commit where they failed."""
    red = view.diagnosis is not None and view.diagnosis.blob_url.endswith(sha)
    if not current:
        return moved_output(view if red else replace(view, diagnosis=None))
    output = check_output(view)
    if not red:
        output["output"].pop("annotations", None)
    return output


def _commit(services: Services, task_id: str) -> str:
    """Return the commit that an earlier attempt came to.

    It is that of its pull request, the one that was pushed, the base, or what has its check run; empty before all that.
    """
    row, runs = services.store.tasks.row(task_id), services.store.runs
    if row is not None and row.outcome and row.outcome["pull_request"] and row.outcome["patch"]:
        return str(row.outcome["patch"]["commit"])
    pushed, prepared = runs.stage(task_id, "pushed"), runs.stage(task_id, "prepared")
    if pushed or prepared:
        return str(pushed["sha"] if pushed else prepared["base"])
    return next(iter(services.store.records.places(task_id, CHECK)), "")


def view_of(services: Services, task_id: str, working: float = 0.0) -> TaskView:
    """Gather all that is shown of a task; ``working`` is seconds of this attempt."""
    store = services.store
    row, task = store.tasks.row(task_id), store.tasks.get(task_id)
    if task is None:
        raise UserError(f"There is no task {task_id}.")
    plan = tuple(PlanItem(**item) for item in row.plan)
    pull_request = store.records.place(task_id, PULL_REQUEST)
    outcome = None if row.outcome is None else Outcome.load(row.outcome)
    planned = store.runs.stage(task_id, "planned") if task.approval is Approval.GIVEN else None
    triaged = store.runs.stage(task_id, DIAGNOSED) if task.kind is Kind.FIX_CI else None
    done = sum(item.state == "done" for item in plan)
    rests = task.status is Status.QUEUED and not task.listens and bool(row.note) and row.not_before > time.time()
    view = TaskView(
        task=task,
        plan=plan,
        percent=round(100 * done / len(plan)) if plan else 0,
        elapsed_seconds=row.worked_seconds + (working if task.status is Status.IN_PROGRESS else 0.0),
        cost=store.runs.totals(task_id)[1],
        outcome=outcome,
        page_url=page_url(services.settings.public_url, signing_key(services.settings), task_id),
        pull_request_url=pull_request.url if pull_request else "",
        note=row.note or _held_back(services, task),
        ahead=store.tasks.ahead(task) if task.status is Status.QUEUED and not rests else 0,
        rests=rests,
        merged=store.records.value(merged_key(task_id)) or "",
        speakers=store.runs.speakers(task_id),
        approved_plan=str(planned["plan"]) if planned else "",
        diagnosis=Diagnosis.load(triaged) if triaged else None,
    )
    return _clean(view, services.redacted)


def _clean(view: TaskView, secrets: tuple[str, ...]) -> TaskView:
    """Take secrets out before anything is cut or written as Markdown; an outcome was stored without any."""
    short = replace(view, task=replace(view.task, text=""), outcome=None)
    cleaned: TaskView = redact_all(short, secrets)
    return replace(cleaned, task=replace(cleaned.task, text=view.task.text), outcome=view.outcome)


def merged_key(task_id: str) -> str:
    """Return the key under which the words about the merge of a task's pull request are kept."""
    return f"merged:{task_id}"


def show_again(services: Services, repository: Repository, task_id: str) -> None:
    """Bring the living comment of an ended task up to date; there is none of work without an issue."""
    place = services.store.records.place(task_id, COMMENT)
    if place is not None and place.external_id.isdigit():
        body = redact(living_comment(view_of(services, task_id)), services.redacted)
        repository.edit_comment(int(place.external_id), body)


def _held_back(services: Services, task: Task) -> str:
    """Say why a queued task does not begin while everything is paused."""
    words = services.store.fleet.paused() if task.status is Status.QUEUED else ""
    return f"Nothing begins now, since everything is paused: {words}" if words else ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
