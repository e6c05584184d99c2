"""Keeps spare sandboxes for the repositories that were worked in last, so that the next run there begins sooner.

What a run used is kept in the database; spares are made from it beside the work, and by the clock. All is best effort.
"""

from __future__ import annotations

import fcntl
import json
import logging
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from jobs import sandbox as sandboxes
from jobs import workspace
from jobs.services import DEFAULT_IMAGE
from jobs.types import AuditEntry, SandboxError, SandboxSpec

if TYPE_CHECKING:
    from config.settings import Settings
    from jobs.services import Services
    from jobs.types import Sandbox

USED = "spare:"
PAUSE_SECONDS = 0.5
"""How long a run that has just begun has the machine for itself: until its model thinks."""
RECENT_SECONDS = 86_400.0
"""How long after its last run a repository keeps its spare."""
GRACE_SECONDS = 1200.0
"""How long a sandbox may outlive the minutes of its task: for the checks and for the next attempt."""

log = logging.getLogger(__name__)


def specification(services: Services, repository: str, minutes: float, image: str, name: str = "") -> SandboxSpec:
    """Return what a sandbox for so many minutes of work in a repository is started from, or a spare for it."""
    return SandboxSpec(
        name=name,
        deadline=time.time() + minutes * 60 + GRACE_SECONDS,
        mirror=str(services.mirror.path(repository)),
        image=image or services.settings.sandbox_image or DEFAULT_IMAGE,
        spare=services.settings.spares > 0,
    )


def image_of(services: Services, repository: str) -> str:
    """Return the image that the last run in a repository asked for; empty where that is not known."""
    found = services.store.records.value(f"{USED}{repository.lower()}") if services.settings.spares else None
    return str(json.loads(found)["image"]) if found else ""


def used(services: Services, repository: str, commit: str, image: str, minutes: float) -> None:
    """Have a spare made for the next run in a repository: with this commit, which is one of its default branch's."""
    if services.settings.spares:
        services.warming.submit(_used, services, repository, commit, image, minutes)


def renew(services: Services) -> None:
    """Have all spares looked after: the old and the unused are ended, missing ones are made."""
    services.warming.submit(_renew, services)


def end(settings: Settings) -> None:
    """End the spares of this machine, since nobody is left to look after them."""
    with suppress(SandboxError):
        sandboxes.renew_spares(sandboxes.detect(settings.sandbox), (), settings.home)


def _used(services: Services, repository: str, commit: str, image: str, minutes: float) -> None:
    kept = {"repository": repository, "commit": commit, "image": image, "minutes": minutes}
    try:
        services.store.records.keep(f"{USED}{repository.lower()}", json.dumps(kept), time.time())
    except services.store.UNAVAILABLE as away:
        log.info("it is not kept for spares what %s used: %s", repository, away)
        return
    _renew(services)


def _renew(services: Services) -> None:
    """Look after the spares, one worker of this machine at a time: two would end what the other one is making."""
    place = services.settings.home / "spares.lock"
    with place.open("wb") as file:
        while not services.stopping.wait(PAUSE_SECONDS):
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # free again when the file is closed
                _make_missing(services)
                return


def _make_missing(services: Services) -> None:
    try:
        wanted, home = _wanted(services), services.settings.home
        missing = sandboxes.renew_spares(services.provider, [spec for spec, _ in wanted], home)
        for spec, commit in wanted:
            if spec in missing and not services.stopping.is_set():
                with services.store.audit.effect(AuditEntry("sandbox:prepare", image=spec.image)):
                    sandboxes.prepare(services.provider, spec, home, partial(_furnish, services, commit))
    except (SandboxError, *services.store.UNAVAILABLE) as error:
        if not services.stopping.is_set():
            log.warning("there is no spare sandbox now, so a run begins later: %s", error)


def _wanted(services: Services) -> list[tuple[SandboxSpec, str]]:
    """Return what runs to come are likely to start from, with the commit that is checked out for each."""
    records, most = services.store.records, services.settings.spares
    records.forget(USED, time.time() - RECENT_SECONDS)
    wanted: list[tuple[SandboxSpec, str]] = []
    for kept in records.kept(USED, most).values() if most else ():
        last = json.loads(kept)
        if services.mirror.holds(last["repository"], last["commit"]):
            spec = specification(services, last["repository"], last["minutes"], last["image"])
            wanted.append((spec, last["commit"]))
    return wanted


def _furnish(services: Services, commit: str, sandbox: Sandbox) -> None:
    if services.stopping.is_set():
        raise SandboxError("this worker was asked to stop")
    workspace.checkout_beforehand(sandbox, commit)
