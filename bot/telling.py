"""Keeps the messages of tasks in a chat current, and says what is to be said there; one process per chat, at ease."""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from bot.caution import Caution
from bot.turn import Turn
from jobs.answer.parts import Answer
from jobs.notify import view_of
from jobs.queue import Bell
from jobs.scope import Scope, acting, of_task
from jobs.store.showing import SENDING
from jobs.text.redact import redact
from jobs.types import Actor, Approval, Conclusion, Status, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobs.answer.view import TaskView
    from jobs.services import Services
    from jobs.store import ChatPlace, Notice

QUIET_SECONDS = 2.0
"""Between two edits of the same message: services allow few a minute, and people read slowly."""
IDLE_SECONDS = 5.0
TROUBLE_SECONDS = 60.0
STALE_SECONDS = 86_400.0
"""An answer that could not be said for a day is of no use to anybody any more."""
GOOD = frozenset({Conclusion.SUCCESS, Conclusion.NEUTRAL})

log = logging.getLogger(__name__)


class Later(Exception):
    """The service is away or wants quiet: tried again after ``retry_after`` seconds.

    With ``here`` it may be about one channel alone, and others are not kept waiting.
    """

    def __init__(self, message: str, retry_after: float = 5.0, *, here: bool = False) -> None:
        super().__init__(message)
        self.retry_after, self.here = retry_after, here


class Gone(Exception):
    """It will never work in this place; the message says why, and what would help."""


class Surface(Protocol):
    """A chat service, as the teller sees it; every method blocks, and raises Later or Gone."""

    name: str

    def fingerprint(self, view: TaskView) -> str:
        """Return a hash of what ``show`` would show; equal views give equal ones."""
        ...

    def show(self, place: ChatPlace, view: TaskView, *, look: bool) -> ChatPlace:
        """Post the task's message, or edit it; return the place as it is known then.

        With ``look`` an earlier attempt may have posted it: it is looked for first.
        """
        ...

    def tell(self, place: ChatPlace, view: TaskView, moment: str, people: Sequence[str], *, look: bool) -> None:
        """Say a moment in the task's thread: question, plan, result or failure; ``people`` are mentioned."""
        ...

    def answer(self, notice: Notice, answer: Answer) -> None:
        """Say an answer where the notice's address tells, to who asked alone where it is private."""
        ...


class ChatTeller:
    """Tells on one surface. Nothing waits for it: what it cannot say now it says later, and nothing twice."""

    def __init__(self, services: Services, surface: Surface, clock: Callable[[], float] = time.monotonic) -> None:
        self._services, self._surface, self._clock = services, surface, clock
        self._quiet_until = 0.0
        self._caution = Caution(services.store.records, surface.name)
        self._resting: dict[str, float] = {}
        """Until when channels are left in peace, by id."""

    def run(self) -> None:
        """Tell until the services are stopping."""
        bell, rung = Bell(self._services.settings.redis_url, self._surface.name), False
        while not self._services.stopping.is_set():
            try:
                changed = self.round(time.time())
            except self._services.store.UNAVAILABLE as away:
                log.warning("the database cannot be reached; trying again: %s", away)
                changed = False
            # A ring for a message that was edited a moment ago leads to nothing before its quiet is over.
            rung = bell.wait(QUIET_SECONDS if changed or rung else IDLE_SECONDS)
        self._hand_over()

    def _hand_over(self) -> None:
        """Let the process that comes next tell at once."""
        store, now = self._services.store, time.time()
        try:
            store.showing.lead(self._surface.name, self._services.owner, now, 0.0)
        except store.UNAVAILABLE as away:
            log.warning("the next process has to wait for its turn to tell: %s", away)

    def round(self, now: float) -> bool:
        """Say and show all that is due, if no other process does; tell whether anything changed."""
        store, surface = self._services.store, self._surface
        turn = Turn(store, surface.name, self._services.owner, now, self._clock)
        if now < self._quiet_until or not turn.is_ours():
            return False
        changed = False
        # One at a time: who takes many at once may still be at it when somebody else may take them.
        while not self._services.stopping.is_set() and turn.now >= self._quiet_until and turn.is_ours():
            taken = store.notices.take(surface.name, turn.now, limit=1)
            if not taken:
                break
            changed |= self._say(taken[0], turn.now)
        for place in store.showing.due(surface.name, turn.now):
            if self._services.stopping.is_set() or turn.now < self._quiet_until or not turn.is_ours():
                break
            if turn.now >= self._resting.get(place.channel, 0.0):
                changed |= self._show_carefully(place, turn.now)
        self._caution.over(turn.now)
        return changed

    def _say(self, notice: Notice, now: float) -> bool:
        notices, channel = self._services.store.notices, str(notice.address.get("channel", ""))
        quiet_until = max(self._quiet_until, self._resting.get(channel, 0.0))
        if now < quiet_until:
            notices.later(notice.id, quiet_until, "the service wants quiet")
            return False
        addressee = Actor(notice.surface, str(notice.address.get("user", "")))
        try:
            with acting(Scope(addressee, "an answer")):
                self._surface.answer(notice, Answer.load(notice.body))
        except Later as later:
            if now - notice.created_at > STALE_SECONDS:
                notices.sent(notice.id, now, f"given up: {later}")
            else:
                notices.later(notice.id, now + later.retry_after, str(later))
            self._rest(later, now, channel)
            return False
        except Gone as gone:
            log.warning("an answer on %s is not said: %s", notice.surface, gone)
            notices.sent(notice.id, now, str(gone))
            return False
        except Exception as error:  # a notification's edge: logged and tried again; others are not kept waiting by it
            log.exception("an answer on %s could not be said", notice.surface)
            words = redact(str(error), self._services.redacted)
            if now - notice.created_at > STALE_SECONDS:
                notices.sent(notice.id, now, f"given up: {words}")
            else:
                notices.later(notice.id, now + TROUBLE_SECONDS * notice.attempts, words)
            return False
        notices.sent(notice.id, now)
        return True

    def _show_carefully(self, place: ChatPlace, now: float) -> bool:
        """Show a task, unless that killed the processes before this one: then it is not shown here any more."""
        if not self._caution.may(f"{place.task_id}/{place.channel}", now):
            words = "task %s is not shown on %s any more, since that killed the processes that were to show it"
            log.error(words, place.task_id, place.surface)
            self._services.store.showing.save(self._known(place), settled=True)
            return False
        return self._show(place, now)

    def _show(self, place: ChatPlace, now: float) -> bool:
        showing = self._services.store.showing
        try:
            return self._keep_current(place, now)
        except Later as later:
            known = self._known(place)
            showing.save(known, not_before=now + later.retry_after)
            self._rest(later, now, place.channel)
        except Gone as gone:
            log.warning("task %s is not shown on %s any more: %s", place.task_id, place.surface, gone)
            showing.save(self._known(place), settled=True)
        except UserError as error:  # the task is gone
            log.warning("%s", error)
            showing.save(place, settled=True)
        except self._services.store.UNAVAILABLE:
            raise
        except Exception:  # a notification's edge: logged and tried again; others are not kept waiting by it
            log.exception("task %s could not be shown on %s", place.task_id, place.surface)
            showing.save(self._known(place), not_before=now + TROUBLE_SECONDS)
        return False

    def _known(self, place: ChatPlace) -> ChatPlace:
        """Return a place as it is stored now: what was written ahead of a failure must not be lost."""
        found = self._services.store.showing.of_task(place.task_id)
        mine = (one for one in found if (one.surface, one.channel) == (place.surface, place.channel))
        return next(mine, place)

    def _keep_current(self, place: ChatPlace, now: float) -> bool:
        """Show the task as it is now, and tell people of a moment that needs them."""
        view = view_of(self._services, place.task_id)
        with acting(of_task(view.task)):
            return self._show_task(place, view, now)

    def _show_task(self, place: ChatPlace, view: TaskView, now: float) -> bool:
        showing = self._services.store.showing
        shown, changed = self._surface.fingerprint(view), False
        if not place.external_id or place.shown != shown:
            look = place.shown == SENDING
            if not place.external_id:
                showing.save(replace(place, shown=SENDING))
            place, changed = replace(self._surface.show(place, view, look=look), shown=shown), True
            showing.save(place)
        name, key = moment_of(view)
        if key and place.moment != key:
            look, changed = place.moment == f"?{key}", True
            showing.save(replace(place, moment=f"?{key}"))
            self._surface.tell(place, view, name, self._people(view), look=look)
            place = replace(place, moment=key)
        over = view.task.status is Status.COMPLETED
        if changed or over:
            showing.save(place, settled=over, not_before=now + QUIET_SECONDS)
        return changed

    def _people(self, view: TaskView) -> Sequence[str]:
        """Return the ids here of those whom a moment concerns: who asked, and who spoke to the task."""
        store, found = self._services.store, dict[str, None]()
        for actor in (view.task.actor, *store.runs.voices(view.task.id)):
            if actor.platform == self._surface.name:
                found[actor.id] = None
            elif actor.login:
                accounts = store.people.accounts(actor.login)
                found |= {user: None for platform, user in accounts if platform == self._surface.name}
        return list(found)

    def _rest(self, later: Later, now: float, channel: str) -> None:
        """Leave a channel in peace, or all of them where the service itself is away or two want it."""
        log.warning("%s is not to be had now: %s", self._surface.name, later)
        until = now + min(later.retry_after, TROUBLE_SECONDS)
        others = {one: end for one, end in self._resting.items() if end > now and one != channel}
        self._resting = {**others, channel: until}
        if not later.here or others:
            self._quiet_until = max(self._quiet_until, until)


def moment_of(view: TaskView) -> tuple[str, str]:
    """Return what people must be told of now, and a name that it has once and never again; empty where nothing."""
    task = view.task
    name = ""
    if task.status is Status.WAITING and task.question:
        name = "plan" if task.approval is Approval.ASKED else "question"
    elif task.status is Status.COMPLETED:
        ended = view.outcome.conclusion if view.outcome else task.conclusion
        if ended is Conclusion.CANCELLED:
            return "", ""  # who ended it knows, and the message says so
        name = "result" if ended in GOOD else "failure"
        return name, f"end:{name}"
    if not name:
        return "", ""
    # Between two questions a task has worked, so that the same words at another time are another moment.
    digest = hashlib.sha256(f"{task.question}\0{view.elapsed_seconds:.3f}".encode(errors="replace")).hexdigest()
    return name, f"{name}:{digest[:32]}"
