"""Spare sandboxes: taken once, with the walls of all others, and ended when nobody can use them."""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from jobs import sandbox
from jobs.sandbox.api import client, remove_container
from jobs.sandbox.engine import container_name, home_id
from jobs.sandbox.proof import proved
from jobs.sandbox.spares import SPARE_SECONDS
from tests.conftest import short_folder
from tests.sandbox.places import ensure_image, spec_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import APIClient

    from jobs.types import Sandbox, SandboxSpec


def mark(made: Sandbox) -> None:
    """Furnish a spare."""
    made.write("/workspace/prepared", b"yes")


class Shelf:
    """A home with spares in it, and the engine that holds them."""

    def __init__(self, provider: str, home: Path, engine: APIClient) -> None:
        self.provider, self.home, self.engine = provider, home, engine

    def spec(self, **changes: Any) -> SandboxSpec:
        """Return what a run's sandbox is started from."""
        return spec_for(spare=True, **changes)

    def fill(self, **changes: Any) -> str:
        """Make a spare, and return its container's id."""
        before = set(self.containers())
        sandbox.prepare(self.provider, self.spec(**changes), self.home, mark)
        [made] = set(self.containers()) - before
        return made

    def containers(self) -> dict[str, str]:
        """Return the names of this home's containers by their ids."""
        filters = {"label": [f"opus67.home={home_id(self.home)}"]}
        listed = self.engine.containers(all=True, filters=filters)
        prefix = f"/{container_name(self.home, '')}"
        return {one["Id"]: one["Names"][0].removeprefix(prefix) for one in listed}

    @contextmanager
    def started(self, **changes: Any) -> Iterator[tuple[Sandbox, str, bool]]:
        """Start a sandbox; yield it, its container's id, and whether it was prepared."""
        spec = self.spec(**changes)
        made = sandbox.start(self.provider, spec, self.home)
        try:
            [container] = [one for one, name in self.containers().items() if name == spec.name]
            yield made, container, made.run("test -e /workspace/prepared", timeout=10).exit_code == 0
        finally:
            made.close()

    def clear(self) -> None:
        """Remove what a test left."""
        for container in self.containers():
            remove_container(self.engine, container)


@pytest.fixture
def shelf(engine: str) -> Iterator[Shelf]:
    """Yield an empty shelf."""
    ensure_image(engine)
    with short_folder("o67-") as home, ExitStack() as stack:
        api = client(engine)
        stack.callback(api.close)
        found = Shelf(engine, home, api)
        stack.callback(found.clear)
        yield found


def test_a_spare_is_used_once_and_has_every_wall(shelf: Shelf) -> None:
    """The first run gets it, as new, under its own name and with a proxy; the next one gets another sandbox."""
    spare = shelf.fill()
    with shelf.started() as (made, container, prepared):
        assert (container, prepared, made.resumed) == (spare, True, False)
        assert [promise for promise, kept, _ in proved(made) if not kept] == []
        made.run("curl -sS -m 5 https://example.com", timeout=10)
        assert "example.com" in {request.host for request in made.blocked()}
        with shelf.started() as (_, other, again):
            assert other != spare
            assert not again
            taken, fresh = (shelf.engine.inspect_container(one) for one in (container, other))
    assert _walls(taken) == _walls(fresh)
    assert shelf.containers() == {}
    assert list((shelf.home / "run").iterdir()) == []


def _walls(container: dict[str, Any]) -> dict[str, Any]:
    """Return all that the engine holds a container to, but for the folder of its own."""
    mounts = [{**mount, "Source": ""} for mount in container["HostConfig"]["Mounts"]]
    config = {name: container["Config"][name] for name in ("User", "Entrypoint", "Env", "WorkingDir", "Image")}
    config["Entrypoint"] = [word for word in config["Entrypoint"] if not word.isdigit()]
    return {**container["HostConfig"], **config, "Mounts": mounts}


def test_a_taken_spare_is_found_again_by_the_next_attempt(shelf: Shelf) -> None:
    """What is done in it is there after the worker's death, and a sweep knows it by its run's name."""
    spare = shelf.fill()
    spec = shelf.spec()
    first = sandbox.start(shelf.provider, spec, shelf.home)
    first.write("/workspace/work", b"done so far")
    first.detach()
    assert shelf.containers() == {spare: spec.name}
    again = sandbox.start(shelf.provider, spec, shelf.home)
    assert again.resumed
    assert again.read("/workspace/work", limit=100) == b"done so far"
    again.run("curl -sS -m 5 https://example.com", timeout=10)
    assert again.blocked()
    again.detach()
    assert sandbox.sweep(shelf.provider, shelf.home, time.time(), lambda name: name == spec.name) == []
    assert sandbox.sweep(shelf.provider, shelf.home, time.time(), lambda _name: False) == [spec.name]
    assert shelf.containers() == {}


def test_of_two_workers_one_gets_the_spare(shelf: Shelf) -> None:
    """Both want it at the same moment; the other one starts a sandbox of its own, and both work."""
    spare, barrier = shelf.fill(), threading.Barrier(2)
    specs = [shelf.spec(), shelf.spec()]
    made: dict[str, Sandbox] = {}

    def want(spec: SandboxSpec) -> None:
        barrier.wait()
        made[spec.name] = sandbox.start(shelf.provider, spec, shelf.home)

    workers = [threading.Thread(target=want, args=(spec,)) for spec in specs]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    try:
        prepared = [one.run("ls /workspace", timeout=10).output for one in made.values()]
        assert sorted(prepared) == ["", "prepared\n"]
        assert spare in shelf.containers()
        assert len(shelf.containers()) == 2
    finally:
        for one in made.values():
            one.close()


@pytest.mark.parametrize("end", ["kill", "remove", "pause", "folder"])
def test_a_spare_that_died_is_no_failure(shelf: Shelf, end: str) -> None:
    """A run gets a sandbox that works, whatever became of the spare meanwhile."""
    spare = shelf.fill()
    folder = next((shelf.home / "run").iterdir())
    if end == "kill":
        shelf.engine.kill(spare)
    elif end == "remove":
        shelf.engine.remove_container(spare, force=True)
    elif end == "pause":
        shelf.engine.pause(spare)
    else:
        folder.rename(folder.with_name("elsewhere"))
    with shelf.started() as (_, container, prepared):
        assert container != spare
        assert not prepared
    assert sandbox.renew_spares(shelf.provider, [shelf.spec()], shelf.home)
    assert shelf.containers() == {}


def test_a_spare_serves_only_runs_like_the_one_it_is_meant_for(shelf: Shelf) -> None:
    """Other limits, another mirror, another image of the same name, or more time than it has: all want another one."""
    tag = f"opus67-test-{secrets.token_hex(4)}:latest"
    name = tag.partition(":")[0]
    shelf.engine.tag("opus67-sandbox:latest", name, "latest", force=True)
    try:
        spare = shelf.fill(image=tag)
        (shelf.home / "mirror").mkdir()
        longer = time.time() + 240 + SPARE_SECONDS + 60
        for changes in (
            {"memory_mb": 600},
            {"mirror": str(shelf.home / "mirror")},
            {"image": ""},
            {"deadline": longer},
        ):
            assert not _is_taken(shelf, **({"image": tag} | changes)), changes
        shelf.engine.commit(spare, name, "latest")
        assert not _is_taken(shelf, image=tag)
        assert shelf.containers()[spare].startswith("spare-")
        assert sandbox.renew_spares(shelf.provider, [shelf.spec(image=tag)], shelf.home)
        assert shelf.containers() == {}
    finally:
        shelf.engine.remove_image(tag, force=True)


def _is_taken(shelf: Shelf, **changes: Any) -> bool:
    """Tell whether a run with these changes would get a spare, without starting anything where it would not."""
    from jobs.sandbox.proxy import Proxy  # noqa: PLC0415 - only this looks behind the door
    from jobs.sandbox.spares import take  # noqa: PLC0415 - as above

    found = take(shelf.provider, shelf.spec(**changes), shelf.home, Proxy)
    if found is not None:
        found.close()
    return found is not None


def test_spares_are_kept_while_they_are_wanted(shelf: Shelf) -> None:
    """A sweep leaves them alone; who looks after them ends what nobody wants, and what could be taken no longer."""
    spare = shelf.fill()
    assert sandbox.sweep(shelf.provider, shelf.home, time.time(), lambda _name: False) == []
    assert sandbox.renew_spares(shelf.provider, [shelf.spec()], shelf.home) == []
    other = shelf.spec(memory_mb=600)
    assert sandbox.renew_spares(shelf.provider, [shelf.spec(), other], shelf.home) == [other]
    assert list(shelf.containers()) == [spare]
    soon = replace(shelf.spec(), deadline=time.time() + 240 + SPARE_SECONDS - 60)
    assert sandbox.renew_spares(shelf.provider, [soon], shelf.home) == [soon]
    assert shelf.containers() == {}
    assert list((shelf.home / "run").iterdir()) == []


def test_a_spare_that_cannot_be_furnished_is_ended(shelf: Shelf) -> None:
    """Nobody finds a half-made one."""

    def fail(_made: Sandbox) -> None:
        raise RuntimeError("no checkout")

    with pytest.raises(RuntimeError, match="no checkout"):
        sandbox.prepare(shelf.provider, shelf.spec(), shelf.home, fail)
    assert shelf.containers() == {}


def test_two_that_make_the_same_spare_leave_one(shelf: Shelf) -> None:
    """Who is later gives up."""
    spare = shelf.fill()
    sandbox.prepare(shelf.provider, shelf.spec(), shelf.home, mark)
    assert list(shelf.containers()) == [spare]
    assert len(list((shelf.home / "run").iterdir())) == 1
