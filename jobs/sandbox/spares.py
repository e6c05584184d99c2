"""Spare containers, started and furnished beforehand: a run takes one that fits, and begins sooner.

A spare has the walls of every sandbox, and nothing of an agent or of a repository was ever run in it. Its container is
called ``spare-<kin>`` once it is ready. Whoever moves its folder on the host has it; then it gets the run's name.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.sandbox import seccomp
from jobs.sandbox.api import DEFAULT_IMAGE, client, engine_errors, remove_container
from jobs.sandbox.channel import ChannelLost
from jobs.sandbox.engine import HOME_LABEL, TASK_LABEL, EnginePlace, container_name, deadline_of, home_id, start
from jobs.sandbox.live import LiveSandbox
from jobs.sandbox.places import SPARE_PREFIX, move_folder, remove_folder, run_folder
from jobs.types import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from docker import APIClient

    from jobs.sandbox.proxy import Proxy
    from jobs.types import Sandbox, SandboxSpec

SPARE_SECONDS = 3600.0
"""How much longer a spare may live than the run that it is meant for: for so long it can be taken."""
RENEWAL_SECONDS = 600.0
"""A spare that can be taken for less than this is replaced."""
FILLING_SECONDS = 300.0
"""How long the start and the checkout of a spare may take before it counts as left behind."""

log = logging.getLogger(__name__)


def take(provider: str, spec: SandboxSpec, home: Path, make_proxy: Callable[[Path], Proxy]) -> LiveSandbox | None:
    """Make a spare the sandbox of a run; None where none fits or works, or where one of this name lives already."""
    engine = client(provider)
    place = EnginePlace(provider, engine, spec, home)
    try:
        taken = not place.find() and _claim(provider, engine, spec, home)
    except SandboxError as error:
        log.warning("no spare can be taken for %s: %s", spec.name, error)
        taken = False
    except BaseException:
        place.release()
        raise
    if not taken:
        place.release()
        return None
    proxy, lives = make_proxy(run_folder(home, spec.name)), False
    try:
        sandbox = LiveSandbox(spec, place, proxy, resumed=False)
        lives = True
    except (SandboxError, ChannelLost) as error:
        log.warning("the spare for %s does not work, so another sandbox is started: %s", spec.name, error)
        return None
    finally:
        if not lives:
            proxy.close()
            place.remove()
    return sandbox


def prepare(
    provider: str,
    spec: SandboxSpec,
    home: Path,
    make_proxy: Callable[[Path], Proxy],
    furnish: Callable[[Sandbox], None],
) -> None:
    """Make a spare for runs like this one, unless another process is quicker; raises ``SandboxError``."""
    name = f"{_ready(spec)}-{secrets.token_hex(3)}"
    own = replace(spec, name=name, deadline=spec.deadline + SPARE_SECONDS)
    sandbox = start(provider, own, home, make_proxy)
    try:
        furnish(sandbox)
    except BaseException:
        sandbox.close()
        raise
    sandbox.detach()
    engine = client(provider)
    try:
        with engine_errors(provider):
            engine.rename(container_name(home, name), container_name(home, _ready(spec)))
    except SandboxError:
        _end(provider, engine, home, name, container_name(home, name))
    finally:
        engine.close()


def renew(provider: str, specs: Sequence[SandboxSpec], home: Path) -> list[SandboxSpec]:
    """End the spares that fit none of these runs, or not for long, and return the runs that have none."""
    wanted, there = {container_name(home, _ready(spec)): spec for spec in specs}, set[str]()
    engine = client(provider)
    try:
        for found in _spares(provider, engine, home):
            name, own = found["Names"][0].removeprefix("/"), found["Labels"].get(TASK_LABEL, "")
            published = name != container_name(home, own)
            ready = name if published else name.rpartition("-")[0]
            if ready in wanted and _keeps(provider, engine, home, found, wanted[ready], published=published):
                there.add(ready)
            else:
                _end(provider, engine, home, own, name)
    finally:
        engine.close()
    return [spec for ready, spec in wanted.items() if ready not in there]


def _ready(spec: SandboxSpec) -> str:
    """Return the name of the spare that can stand in for a sandbox: it tells all that must be the same."""
    mirror = Path(os.path.realpath(spec.mirror))
    # A mirror that was made anew is another folder, which a spare of the old one does not see.
    folder = mirror.stat().st_ino if mirror.is_dir() else 0
    same = replace(spec, name="", deadline=0.0, mirror=str(mirror), hosts=(), environment={}, image=_image(spec))
    kin = hashlib.sha256(f"{same!r} {folder} {seccomp.profile()}".encode()).hexdigest()[:12]
    return f"{SPARE_PREFIX}{kin}"


def _image(spec: SandboxSpec) -> str:
    return spec.image or DEFAULT_IMAGE


def _image_id(engine: APIClient, spec: SandboxSpec) -> str:
    """Return which image the name means now: one that was built anew has other contents."""
    found: dict[str, Any] = engine.inspect_image(_image(spec))  # type: ignore[no-untyped-call]
    return str(found["Id"])


def _claim(provider: str, engine: APIClient, spec: SandboxSpec, home: Path) -> bool:
    """Get hold of a spare, which only one can: whose move of its folder succeeds."""
    import docker.errors  # noqa: PLC0415 - heavy, and only where an engine is used

    with engine_errors(provider, _image(spec)):
        try:
            found = engine.inspect_container(container_name(home, _ready(spec)))
        except docker.errors.NotFound:
            return False
        labels, state = found["Config"]["Labels"] or {}, found["State"]
        fits = state["Running"] and not state["Paused"] and deadline_of(labels) >= spec.deadline
        if not fits or found["Image"] != _image_id(engine, spec):
            return False
        if not move_folder(home, labels.get(TASK_LABEL, ""), spec.name):
            return False
        engine.rename(found["Id"], container_name(home, spec.name))
    return True


def _spares(provider: str, engine: APIClient, home: Path) -> list[dict[str, Any]]:
    """Return the containers of this home that no run has taken; the label tells what they were made as."""
    filters = {"label": [f"{HOME_LABEL}={home_id(home)}"], "name": [container_name(home, SPARE_PREFIX)]}
    with engine_errors(provider):
        found: list[dict[str, Any]] = engine.containers(all=True, filters=filters)
    return found


def _keeps(
    provider: str, engine: APIClient, home: Path, found: dict[str, Any], spec: SandboxSpec, *, published: bool
) -> bool:
    """Tell whether a spare can be taken for a while; one that is being made has its time for that."""
    if found["State"] != "running":
        return False
    if not published:
        return time.time() - float(found["Created"]) < FILLING_SECONDS
    with engine_errors(provider, _image(spec)):
        same = bool(_image_id(engine, spec) == found["ImageID"])
    lasts = deadline_of(found["Labels"]) >= spec.deadline + RENEWAL_SECONDS
    return same and lasts and (home / "run" / str(found["Labels"][TASK_LABEL])).is_dir()


def _end(provider: str, engine: APIClient, home: Path, own: str, container: str) -> None:
    """Remove a spare unless a run takes it at this moment: by its name, which it has no more then."""
    ending = f"{own}-ending"
    move_folder(home, own, ending)
    with engine_errors(provider):
        remove_container(engine, container)
    remove_folder(home, ending)
