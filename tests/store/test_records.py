"""Places, decisions, effects done once, and installations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.store import Place
from jobs.types import Decision
from tests.store.asking import ALICE, NOW, submit

if TYPE_CHECKING:
    from jobs.store import Store

SHA = "c0ffee" * 6 + "cafe"


def once(store: Store, key: str) -> bool:
    with store.write() as connection:
        return store.records.once(connection, key, NOW, "first")


def test_places_are_found_from_both_ends(store: Store) -> None:
    """Where a task is shown is replaced by newer news, found by a prefix, and leads back to the task."""
    place = Place("99", "https://github.com/x", "a" * 64)
    assert store.records.place("7f3c9a", "comment") is None
    store.records.save_place("7f3c9a", "comment", Place("98", "", ""))
    store.records.save_place("7f3c9a", "comment", place)
    store.records.save_place("7f3c9a", f"check:{SHA}", place)
    assert store.records.place("7f3c9a", "comment") == place
    assert store.records.places("7f3c9a", "check:") == {SHA: place}
    assert store.records.task_at("comment", "99") == "7f3c9a"
    assert store.records.task_at("comment", "98") is None


def test_a_shown_task_needs_no_announcement(store: Store) -> None:
    """A queued task with a comment is not told of again."""
    task = submit(store)
    assert list(store.tasks.unannounced(NOW + 9)) == [task.id]
    store.records.save_place(task.id, "comment", Place("1", "", ""))
    assert list(store.tasks.unannounced(NOW + 9)) == []


def test_an_effect_is_claimed_once(store: Store) -> None:
    """The second one who asks is told that it is taken; a kept value is replaced."""
    assert once(store, "missed:octo/shop#12")
    assert not once(store, "missed:octo/shop#12")
    assert store.records.value("missed:octo/shop#12") == "first"
    assert store.records.value("unknown") is None
    store.records.keep("cursor", "1", NOW)
    store.records.keep("cursor", "2", NOW)
    assert store.records.value("cursor") == "2"


def test_decisions_are_told_newest_first(store: Store) -> None:
    """Every decision on a subject is kept with its reason."""
    with store.write() as connection:
        for number in range(3):
            decision = Decision(allowed=bool(number), reason=f"reason {number}")
            store.records.decided(connection, ALICE, "start", "octo/shop issue-12", decision, NOW + number)
    assert [tuple(row) for row in store.records.decisions("octo/shop issue-12", 2)] == [
        (NOW + 2, "github:alice", "start", True, "reason 2"),
        (NOW + 1, "github:alice", "start", True, "reason 1"),
    ]
    assert store.records.decisions("octo/shop issue-13") == []


def test_installations_cover_repositories(store: Store) -> None:
    """A suspended or removed installation covers nothing; a repository taken out is not covered."""
    records = store.records
    with store.write() as connection:
        records.save_installation(connection, 2**40, "octo", NOW)
        records.add_repositories(connection, 2**40, ["octo/shop", "octo/blog"])
        records.add_repositories(connection, 2**40, ["octo/shop"])
        records.save_installation(connection, 2, "other", NOW, suspended=True)
        records.add_repositories(connection, 2, ["other/x"])
        records.remove_repositories(connection, ["octo/blog", "octo/none"], 2**40)
        records.remove_repositories(connection, ["other/x"], 2**40)
    assert (list(records.repositories()), records.installation_count()) == ([("octo/shop", 2**40)], 1)
    with store.write() as connection:
        records.remove_installation(connection, 2**40)
        records.save_installation(connection, 2, "other", NOW)
    assert (list(records.repositories()), records.installation_count()) == ([("other/x", 2)], 1)


def test_what_is_kept_is_listed_by_its_prefix(store: Store) -> None:
    """Newest first, by the rest of the key; a prefix is taken literally."""
    for number, key in enumerate(("pull:octo/shop#1", "pull:octo/shop#2", "pull:octo/shop2#3", "pull:octo_shop#4")):
        store.records.keep(key, f"task {number}", NOW + number)
    assert list(store.records.kept("pull:octo/shop#", 10).items()) == [("2", "task 1"), ("1", "task 0")]
    assert store.records.kept("pull:octo/shop#", 1) == {"2": "task 1"}
    assert store.records.kept("pull:octo_shop#", 10) == {"4": "task 3"}
