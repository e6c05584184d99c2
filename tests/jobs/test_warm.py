"""Spare sandboxes across runs: made beside one run, taken by the next, and gone when nobody is left."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from jobs import warm
from jobs.sandbox.api import client
from jobs.sandbox.engine import container_name, home_id
from jobs.services import Services
from jobs.testing.models import call
from jobs.types import Conclusion
from tests.jobs.workshop import WORKSHOP, Workshop, finish, write
from tests.sandbox.places import ensure_image
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jobs.store import Store
    from jobs.testing.github import LocalGitHub
    from jobs.testing.models.script import Reply

pytestmark = pytest.mark.docker
IMAGE = "opus67-sandbox:latest"
LOOK = "git rev-parse HEAD; git status --porcelain --ignored; cat new.txt"


@pytest.fixture
def workshop(home: Path, github: LocalGitHub, store: Store) -> Iterator[Workshop]:
    """Yield a workshop whose sandboxes are containers, and one of them a spare."""
    ensure_image("docker")
    with Workshop.open(home, github, store, "docker", OPUS67_SPARES="1") as opened:
        yield opened
        opened.services.warming.shutdown(cancel_futures=True)
        warm.end(opened.services.settings)


def containers(workshop: Workshop) -> dict[str, str]:
    """Return the ids of this home's containers by their names."""
    engine, home = client("docker"), workshop.services.settings.home
    try:
        found = engine.containers(filters={"label": [f"opus67.home={home_id(home)}"]})
        return {one["Names"][0].removeprefix(f"/{container_name(home, '')}"): one["Id"] for one in found}
    finally:
        engine.close()


def spare(workshop: Workshop) -> str:
    """Wait for the one spare, and return its id."""

    def ready() -> str:
        found = containers(workshop)
        return next((made for name, made in found.items() if name.startswith("spare-") and name.count("-") == 1), "")

    return until(ready, seconds=60, what="a spare")


def test_the_next_run_works_in_the_spare_at_the_newest_commit(workshop: Workshop) -> None:
    """It is made from the repository's image beside the first run; the second finds there what was pushed meanwhile."""
    rules = f"image: {IMAGE}\nchecks: [python3 -c 'import greeting']\n"
    workshop.github.commit_file(WORKSHOP, "main", ".github/opus67.yml", rules)
    workshop.plays(work=[write(), finish()])
    assert workshop.run(workshop.task()).conclusion == Conclusion.SUCCESS
    assert warm.image_of(workshop.services, WORKSHOP) == IMAGE
    made, seen = spare(workshop), dict[str, str]()
    newest = workshop.github.commit_file(WORKSHOP, "main", "new.txt", "new\n")

    def look(_asked: object) -> Reply:
        seen.update(containers(workshop))
        return call("bash", command=LOOK)

    workshop.plays(work=[look, write(), finish()])
    task = workshop.task()
    assert workshop.run(task).conclusion == Conclusion.SUCCESS
    assert seen[f"opus67-{task.id}"] == made
    [result] = workshop.asked()[-2]["messages"][-1]["content"]
    assert result["content"] == f"{newest}\nnew"
    assert spare(workshop) != made
    warm.end(workshop.services.settings)
    assert containers(workshop) == {}


def test_a_repository_that_nobody_works_in_keeps_no_spare(workshop: Workshop) -> None:
    """A day after its last run the spare is ended; one whose commit is not here is not made at all."""
    services = workshop.services
    token = services.github.mint_token(workshop.github.installation_id, WORKSHOP, {"contents": "read"})
    head = services.mirror.fetch(WORKSHOP, token.value).base_sha
    warm.used(services, WORKSHOP, head, "", 10.0)
    spare(workshop)
    services.warming.submit(int).result(60)
    key = f"{warm.USED}{WORKSHOP}"
    kept = json.loads(services.store.records.value(key) or "")
    for commit, used in ((head, time.time() - warm.RECENT_SECONDS - 1), ("1" * 40, time.time())):
        services.store.records.keep(key, json.dumps(kept | {"commit": commit}), used)
        warm.renew(services)
        services.warming.submit(int).result(60)
        assert containers(workshop) == {}


def test_two_workers_make_one_spare(workshop: Workshop) -> None:
    """Who comes while another worker of the machine looks after the spares waits, and finds that nothing is missing."""
    services, began = workshop.services, int(time.time())
    token = services.github.mint_token(workshop.github.installation_id, WORKSHOP, {"contents": "read"})
    head = services.mirror.fetch(WORKSHOP, token.value).base_sha
    other = Services(services.settings, services.store)
    for one in (services, other):
        warm.used(one, WORKSHOP, head, "", 10.0)
    for one in (services, other):
        one.warming.submit(int).result(60)
    other.warming.shutdown()
    engine, mine = client("docker"), f"opus67.home={home_id(services.settings.home)}"
    try:
        made = engine.events(
            since=began, until=int(time.time()) + 1, filters={"event": "create", "label": mine}, decode=True
        )
        assert len([*made]) == 1
    finally:
        engine.close()
    assert spare(workshop)
