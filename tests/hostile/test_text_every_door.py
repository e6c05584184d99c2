"""Hidden words by every door that there is: none of them reaches an agent as an order, and people hear of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from config.settings import load
from jobs.services import Services
from jobs.store import Store
from jobs.store.tables import metadata
from jobs.testing.github import LocalGitHub
from tests.bot.conftest import SHOP
from tests.conftest import short_folder
from tests.hostile.doors import ASKING, House, hide
from tests.hostile.obeying import obeys, reads

if TYPE_CHECKING:
    from collections.abc import Iterator

UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\U000e0000-\U000e01ef]")
NOWHERE = "redis://127.0.0.1:9/0"


@pytest.fixture(scope="module")
def house(private_key: str) -> Iterator[House]:
    """Yield a house with all doors, which are tried one after the other."""
    with short_folder("o67-door-") as home, LocalGitHub(home / "github", private_key_pem=private_key) as local:
        local.create_repository(SHOP, {"README.md": "# Shop\n"})
        local.set_permission(SHOP, "alice", "write")
        store = Store(f"sqlite:///{home}/opus67.sqlite3")
        metadata.create_all(store.database.engine)
        environment = {**local.environment(), "OPUS67_HOME": str(home), "REDIS_URL": NOWHERE}
        services = Services(load({**environment, "ANTHROPIC_API_KEY": "a key"}, dotenv=None), store)
        made = House(services, local)
        made.open()
        yield made
        services.close()


@pytest.mark.parametrize("door", ASKING)
def test_what_is_asked_for_is_what_people_see(house: House, door: str) -> None:
    """The task has the seen words alone, and who asked is told of each thing that was left out."""
    mark = f"hush{list(ASKING).index(door)}"
    let = ASKING[door](house, hide(mark))
    assert "mend it" in let.read
    assert "well" in let.read
    assert not UNSEEN.search(let.read)
    assert not any(mark in reading for reading in reads(let.read))
    assert not obeys(let.read)
    assert let.told.count(mark) >= 2, let.told
    for sort in ("HTML comment", "tag character", "zero-width", "direction"):
        assert sort in let.told, let.told
