"""The Discord process over a local Discord and a fresh store, without a worker: tests take what was heard themselves."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from bot.discord_bot.process import point_client, serve
from bot.heard import Heard
from config.settings import Settings, load
from jobs.services import Services
from jobs.store import Store
from jobs.store.tables import metadata
from jobs.testing.local_discord import LocalDiscord
from tests.testing.discord_client import pointed_at
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jobs.answer.parts import Answer
    from jobs.testing.local_discord.records import Interaction

FAR = 4_000_000_000.0


class Opus:
    """A running Discord process, and the worker's side of its store."""

    def __init__(self, settings: Settings, local: LocalDiscord) -> None:
        self.settings, self.local = settings, local
        self.store = Store(settings.database_url)
        self.error: BaseException | None = None
        self._notices = 0
        self._taken: set[str] = set()
        self._thread: threading.Thread | None = None
        self._stop: Any = None

    def start(self) -> None:
        """Start the process and wait until it hears."""
        self.begin()
        until(lambda: self.error or (self.local.connected and self.local.commands()), what="the bot hears")

    def begin(self) -> None:
        """Start the process."""
        point_client(self.settings)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        services = Services(self.settings, Store(self.settings.database_url))

        async def main() -> None:
            stop = asyncio.Event()
            loop = asyncio.get_running_loop()
            self._stop = lambda: loop.call_soon_threadsafe(stop.set)
            await serve(services, stop)

        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error
        finally:
            services.close()

    def ask_to_stop(self) -> None:
        """Ask the process to stop."""
        if self._thread is not None and self._thread.is_alive():
            until(lambda: self._stop, what="the process has begun")
            with contextlib.suppress(RuntimeError):  # it ended by itself meanwhile
                self._stop()

    def stop(self) -> None:
        """Ask the process to stop, and wait for its end."""
        if self._thread is None:
            return
        self.ask_to_stop()
        self._thread.join(20)
        assert not self._thread.is_alive()
        self._thread = None

    def restart(self) -> None:
        """Stop the process and start another one."""
        self.stop()
        self.start()

    def heard(self) -> list[Heard]:
        """Return what was heard and not looked at yet."""
        found = []
        for guid in self.store.deliveries.due(FAR):
            if guid not in self._taken:
                delivery = self.store.deliveries.claim(guid, time.time())
                assert delivery is not None
                self._taken.add(guid)
                found.append(Heard.load(delivery.body))
        return found

    def next(self) -> Heard:
        """Wait for the next thing that is heard, and return it."""
        found = until(self.heard, what="something is heard")
        assert len(found) == 1
        return found[0]

    def answer(self, heard: Heard, answer: Answer) -> None:
        """Answer what was heard, as a worker does."""
        self._notices += 1
        services = Services(self.settings, self.store)
        with self.store.write() as connection:
            key = f"{heard.key}-{self._notices}"
            self.store.notices.add(connection, "discord", key, heard.address, answer.dump(), time.time())
        services.waker.ring("discord")

    def show(self, task_id: str, channel: str, guild: str = "") -> None:
        """Have a task shown in a channel."""
        with self.store.write() as connection:
            self.store.showing.show(connection, task_id, "discord", channel, {"guild": guild} if guild else {})
        self.ring()

    def ring(self) -> None:
        """Wake the teller."""
        Services(self.settings, self.store).waker.ring("discord")

    def told(self, asked: Interaction, words: str) -> None:
        """Wait until an interaction's answer has these words."""
        self.local.wait_for(lambda: words in asked.text, 15, f"{words!r} in {asked.text!r}")


@pytest.fixture
def local() -> Iterator[LocalDiscord]:
    """Yield a local Discord with one guild and one channel."""
    with LocalDiscord() as made:
        yield made


@pytest.fixture
def opus_settings(home: Path, local: LocalDiscord, empty_valkey_url: str) -> Settings:
    """Return settings that point to the local Discord, with a channel bound to a repository."""
    environment = {**local.environment(), "OPUS67_HOME": str(home), "REDIS_URL": empty_valkey_url}
    environment |= {"OPUS67_CHANNELS": f"discord:{local.channel('general').id}=octo/shop"}
    environment |= {"OPUS67_PUBLIC_URL": "https://opus.example"}
    return load(environment, dotenv=None)


@contextlib.contextmanager
def installed(settings: Settings, local: LocalDiscord) -> Iterator[Opus]:
    """Make the tables, and yield a process that has not been started yet."""
    store = Store(settings.database_url)
    metadata.create_all(store.database.engine)
    store.close()
    with pointed_at(local):
        made = Opus(settings, local)
        try:
            yield made
        finally:
            made.stop()
            made.store.close()


@pytest.fixture
def stopped(opus_settings: Settings, local: LocalDiscord) -> Iterator[Opus]:
    """Yield a process that has not been started yet."""
    with installed(opus_settings, local) as made:
        yield made


@pytest.fixture
def opus(stopped: Opus) -> Opus:
    """Return a process that hears and tells."""
    stopped.start()
    return stopped
