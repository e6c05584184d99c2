"""What a conversation keeps: notices, places in chats, people; on both engines."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from jobs.store import Link, Store


def add(store: Store, key: str, surface: str = "slack", now: float = 1.0) -> bool:
    """Store a notice."""
    with store.write() as connection:
        return store.notices.add(connection, surface, key, {"channel": "C1"}, {"text": key}, now)


def test_a_notice_is_taken_by_one_and_said_once(store: Store) -> None:
    """Whoever took it has it for a while; what was said is not said again, and a key stands for one notice."""
    assert add(store, "one")
    assert not add(store, "one")
    assert add(store, "two")
    [one, two] = store.notices.take("slack", 10.0)
    assert (one.key, one.attempts, one.address, one.body) == ("one", 1, {"channel": "C1"}, {"text": "one"})
    assert store.notices.take("slack", 11.0) == []
    assert store.notices.take("discord", 100.0) == []
    store.notices.sent(one.id, 12.0)
    store.notices.later(two.id, 20.0, "away")
    assert store.notices.take("slack", 19.0) == []
    [again] = store.notices.take("slack", 20.0)
    assert (again.key, again.attempts) == ("two", 2)
    assert store.notices.waiting("slack") == 1


def test_many_takers_share_the_notices(store: Store) -> None:
    """Two processes at once say each notice once."""
    for number in range(40):
        add(store, f"n{number}")
    taken: list[str] = []
    lock = threading.Lock()

    def take() -> None:
        while found := store.notices.take("slack", 10.0, limit=3):
            with lock:
                taken.extend(notice.key for notice in found)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(f"n{number}" for number in range(40))


def test_old_notices_are_forgotten(store: Store) -> None:
    """Only those that were said, or that nobody fetched."""
    add(store, "said", now=1.0)
    add(store, "waits", now=1.0)
    add(store, "never fetched", surface="api", now=1.0)
    [said, _] = store.notices.take("slack", 2.0)
    store.notices.sent(said.id, 3.0)
    assert store.notices.forget(5.0) == 2
    assert store.notices.find("waits") is not None


@pytest.fixture
def place(store: Store) -> None:
    """Have a task shown in a channel of Slack."""
    with store.write() as connection:
        assert store.showing.show(connection, "7f3c9a", "slack", "C1", {"team": "T1"})


@pytest.mark.usefixtures("place")
def test_a_place_is_shown_until_it_is_settled(store: Store) -> None:
    """It is there once, known by its message, and shown again when somebody asks for it."""
    [place] = store.showing.due("slack", 10.0)
    assert (place.task_id, place.channel, place.external_id, place.address) == ("7f3c9a", "C1", "", {"team": "T1"})
    store.showing.save(replace(place, external_id="1700.1", shown="abc", moment="end:result"), settled=True)
    assert store.showing.due("slack", 10.0) == []
    assert store.records.task_at("slack:C1", "1700.1") == "7f3c9a"
    with store.write() as connection:
        assert not store.showing.show(connection, "7f3c9a", "slack", "C1", {})
    [again] = store.showing.due("slack", 10.0)
    assert (again.external_id, again.moment) == ("1700.1", "end:result")
    store.showing.save(again, not_before=50.0)
    assert store.showing.due("slack", 49.0) == []
    assert len(store.showing.due("slack", 50.0)) == 1
    assert store.showing.due("slack", 50.0)[0].task_id in {
        one.task_id for one in store.showing.in_channel("slack", "C1")
    }


def test_one_process_leads_a_surface(store: Store) -> None:
    """Another takes over when it falls silent."""
    assert store.showing.lead("slack", "one", 10.0, 30.0)
    assert not store.showing.lead("slack", "two", 20.0, 30.0)
    assert store.showing.lead("discord", "two", 20.0, 30.0)
    assert store.showing.lead("slack", "one", 35.0, 30.0)
    assert not store.showing.lead("slack", "two", 64.0, 30.0)
    assert store.showing.lead("slack", "two", 66.0, 30.0)


def test_links_are_used_up_and_voided(store: Store) -> None:
    """A code works once and for a while; a second one of the same person makes the first void."""
    people = store.people
    with store.write() as connection:
        people.begin_link(connection, Link("AAAA-AAAA", "slack", "U1", {}, 100.0))
        people.begin_link(connection, Link("BBBB-BBBB", "slack", "U1", {"x": 1}, 100.0, "device", 5.0, 20.0))
    assert people.link_of("AAAA-AAAA", 1.0) is None
    assert people.link_of("BBBB-BBBB", 100.0) is None
    found = people.link_of("BBBB-BBBB", 99.0)
    assert found is not None
    assert found.address == {"x": 1}
    assert people.due_links(19.0) == []
    assert [link.code for link in people.due_links(20.0)] == ["BBBB-BBBB"]
    people.ask_later("BBBB-BBBB", 30.0, 10.0)
    assert people.due_links(29.0) == []
    assert [link.code for link in people.expired_links(100.0)] == ["BBBB-BBBB"]
    with store.write() as connection:
        assert people.end_link(connection, "BBBB-BBBB")
        assert not people.end_link(connection, "BBBB-BBBB")


def test_people_are_who_they_linked(store: Store) -> None:
    """The newest link counts; one login may have several accounts, and an unlink forgets."""
    people = store.people
    with store.write() as connection:
        people.identify(connection, "slack", "U1", "Ada", "7", "code", 1.0)
        people.identify(connection, "discord", "99", "ada", "7", "device", 2.0)
        people.identify(connection, "slack", "U2", "bob", "8", "code", 2.0)
        people.identify(connection, "slack", "U2", "eve", "9", "code", 3.0)
    assert (people.login("slack", "U1"), people.login("slack", "U2"), people.login("slack", "U3")) == ("Ada", "eve", "")
    assert sorted(people.accounts("ADA")) == [("discord", "99"), ("slack", "U1")]
    with store.write() as connection:
        assert people.forget(connection, "slack", "U1")
        assert not people.forget(connection, "slack", "U1")
    assert people.login("slack", "U1") == ""


def test_tokens_are_known_by_their_digest(store: Store) -> None:
    """A name is there once; who is revoked is nobody."""
    people = store.people
    assert people.add_token("d" * 64, "laptop", "ada", 1.0)
    assert not people.add_token("e" * 64, "laptop", "ada", 1.0)
    assert people.token_login("d" * 64, 5.0) == "ada"
    assert people.token_login("f" * 64, 5.0) == ""
    [token] = people.tokens()
    assert (token.name, token.login, token.used_at) == ("laptop", "ada", 5.0)
    assert people.revoke_token("laptop")
    assert not people.revoke_token("laptop")
    assert people.token_login("d" * 64, 6.0) == ""
