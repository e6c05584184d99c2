"""What the clock forgets after a while, and what it never does."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from config.settings import load
from jobs import clock
from jobs.kinds.threads import review_key, thread_key
from jobs.services import build
from tests.jobs.workshop import SHOP
from tests.waiting import until

if TYPE_CHECKING:
    from jobs.store import Store
    from jobs.testing.github import LocalGitHub

WEEK = 7 * 86400.0


def test_what_was_read_of_a_review_is_not_forgotten_with_events(
    home: Any, github: LocalGitHub, store: Store, empty_valkey_url: str
) -> None:
    """An event that nobody waited for goes after an hour, that a red commit was seen to after a month."""
    kept = (review_key(SHOP, 7), thread_key(SHOP, "PRRT_1"), f"reviewed:{SHOP}#7", f"pull:{SHOP}#7")
    gone = (f"heard:ci:{SHOP}@1", f"ci-seen:{SHOP}@1", f"review-given:{SHOP}#7/1", f"review-wanted:{SHOP}#7@1")
    for key in (*kept, *gone):
        store.records.keep(key, "1", time.time() - 5 * WEEK)
    environment = {**github.environment(), "OPUS67_HOME": str(home), "REDIS_URL": empty_valkey_url}
    services = build(load(environment, dotenv=None))
    ticking = threading.Thread(target=clock.tick, args=(services,))
    ticking.start()
    until(lambda: not any(store.records.value(key) for key in gone), what="the forgetting")
    services.stopping.set()
    ticking.join(10)
    assert not ticking.is_alive()
    assert [store.records.value(key) for key in kept] == ["1"] * len(kept)
