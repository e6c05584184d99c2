"""What comes while a transaction is committed goes into the next one, and each hears what became of its own."""

from __future__ import annotations

import asyncio
import threading
from itertools import chain
from typing import TYPE_CHECKING

import pytest

from bot.receiving.gathering import MOST, Gathering
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Sequence


class Slow:
    """Writes numbers, the first batch as slowly as the test wishes; odd ones are refused."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go_on = threading.Event()

    def write(self, batch: Sequence[int]) -> list[str | Exception]:
        self.batches.append(list(batch))
        assert self.go_on.wait(10)
        return [ValueError(f"{item} is odd") if item % 2 else f"stored {item}" for item in batch]


def crowd(slow: Slow, count: int) -> list[str | BaseException]:
    """Add so many numbers at the same time, and return what each heard."""

    async def all_of_them() -> list[str | BaseException]:
        gathering: Gathering[int, str] = Gathering(slow.write)
        first = asyncio.create_task(gathering.add(0))
        await asyncio.to_thread(until, lambda: slow.batches, what="the first transaction")
        rest = [asyncio.create_task(gathering.add(number)) for number in range(1, count)]
        await asyncio.sleep(0)
        slow.go_on.set()
        told = await asyncio.gather(first, *rest, return_exceptions=True)
        gathering.close()
        return told

    return asyncio.run(all_of_them())


def test_what_gathers_during_one_transaction_is_the_next_one() -> None:
    """Who comes first is not held up by the others, and all that come meanwhile cost one more."""
    slow = Slow()
    assert crowd(slow, 20)[::2] == [f"stored {number}" for number in range(0, 20, 2)]
    assert slow.batches == [[0], list(range(1, 20))]


def test_a_crowd_is_stored_to_the_last_one() -> None:
    """More than one transaction takes are stored by those after it, in the order in which they came."""
    slow = Slow()
    crowd(slow, MOST + 10)
    assert [len(batch) for batch in slow.batches] == [1, MOST, 9]
    assert list(chain.from_iterable(slow.batches)) == list(range(MOST + 10))


def test_an_error_of_one_is_not_the_others() -> None:
    """Each hears its own answer or its own error."""
    told = crowd(Slow(), 4)
    assert [str(one) for one in told] == ["stored 0", "1 is odd", "stored 2", "3 is odd"]
    assert [isinstance(one, ValueError) for one in told] == [False, True, False, True]


def test_a_transaction_that_fails_is_told_to_everybody_in_it_and_the_next_one_goes_on() -> None:
    """Nobody is left waiting, and the gathering is not stuck afterwards."""

    def write(batch: Sequence[int]) -> list[int]:
        if 1 in batch:
            raise OSError("no space left")
        return list(batch)

    async def both() -> int:
        gathering: Gathering[int, int] = Gathering(write)
        with pytest.raises(OSError, match="no space left"):
            await gathering.add(1)
        return await gathering.add(2)

    assert asyncio.run(both()) == 2


def test_who_goes_away_does_not_take_others_along() -> None:
    """What was handed over is written all the same, and those who stayed hear of theirs."""
    slow = Slow()

    async def some_leave() -> str:
        gathering: Gathering[int, str] = Gathering(slow.write)
        first = asyncio.create_task(gathering.add(0))
        await asyncio.to_thread(until, lambda: slow.batches, what="the first transaction")
        leaves, stays = asyncio.create_task(gathering.add(2)), asyncio.create_task(gathering.add(4))
        await asyncio.sleep(0)
        first.cancel()
        leaves.cancel()
        slow.go_on.set()
        return await stays

    assert asyncio.run(some_leave()) == "stored 4"
    assert slow.batches == [[0], [2, 4]]
