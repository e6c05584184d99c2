"""Stores in one transaction what came while the last one was committed: the disk is paid once for all."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")
Answer = TypeVar("Answer")

MOST = 64
"""Items that one transaction takes at most."""


class Gathering(Generic[Item, Answer]):
    """Hands items to one thread that writes; who comes while it is idle is not held up by the others.

    Its methods belong to one event loop.
    """

    def __init__(self, write: Callable[[Sequence[Item]], Sequence[Answer | Exception]]) -> None:
        """Take the function that stores items together and returns an answer, or an error, to each."""
        self._write = write
        self._gathered: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._busy = False
        self._since = 0.0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gathering")

    async def add(self, item: Item) -> Answer:
        """Store an item and return its answer once that is committed; raises what became of it instead."""
        told: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._gathered.append((item, told))
        if not self._busy:
            self._begin()
        return await told

    def busy_seconds(self) -> float:
        """Return for how long the function has been storing what it stores now; 0 while it does not."""
        return time.monotonic() - self._since if self._busy else 0.0

    def close(self) -> None:
        """Wait for what is being written."""
        self._thread.shutdown()

    def _begin(self) -> None:
        batch, self._gathered = self._gathered[:MOST], self._gathered[MOST:]
        self._busy, self._since = bool(batch), time.monotonic()
        if batch:
            written = asyncio.get_running_loop().run_in_executor(self._thread, self._write, [item for item, _ in batch])
            written.add_done_callback(partial(self._tell, batch))

    def _tell(
        self,
        batch: Sequence[tuple[Item, asyncio.Future[Answer]]],
        written: asyncio.Future[Sequence[Answer | Exception]],
    ) -> None:
        failed = written.exception()
        answers = [failed] * len(batch) if failed else written.result()
        self._begin()
        for (_, told), answer in zip(batch, answers, strict=True):
            if told.done():  # its sender has gone; what it sent is stored all the same
                continue
            if isinstance(answer, BaseException):
                told.set_exception(answer)
            else:
                told.set_result(answer)
