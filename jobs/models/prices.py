"""What is known of each model, read from ``config/models.yml``: bounds, features and dated prices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import config

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from jobs.types import Usage

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens from one day on; a price with ``prompt_up_to`` is for prompts of up to so many."""

    since: date
    input: float
    output: float
    cache_read: float
    cache_write: float
    prompt_up_to: int = 0

    def of(self, usage: Usage) -> float:
        """Return the dollars that these tokens cost."""
        return (
            usage.input_tokens * self.input
            + usage.output_tokens * self.output
            + usage.cache_read_tokens * self.cache_read
            + usage.cache_write_tokens * self.cache_write
        ) / MILLION


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one model: tokens of a reply and of a conversation, what it can do, what it costs."""

    output: int
    context: int
    features: frozenset[str]
    prices: tuple[Price, ...]


def known(name: str) -> Known:
    """Return what is known of a model; a date behind the name and a provider before it are ignored."""
    models, unlisted = _table()
    bare = name.partition(":")[2] or name
    matches = [listed for listed in models if bare == listed or bare.startswith(f"{listed}-20")]
    return models[max(matches, key=len)] if matches else unlisted


def names() -> tuple[str, ...]:
    """Return the names of all models that are listed."""
    return tuple(_table()[0])


def is_priced(name: str) -> bool:
    """Tell whether a model's price is known: where it is not, cost is 0 and a limit in dollars cannot hold."""
    return bool(known(name).prices)


def cost(name: str, usage: Usage, on: date) -> float:
    """Return what a reply cost in US dollars by the prices of that day; 0 for a model without a price."""
    prompt = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    prices = known(name).prices
    if not prices:
        return 0.0
    begun = [price for price in prices if price.since <= on]
    newest = max(price.since for price in begun) if begun else min(price.since for price in prices)
    of_the_day = [price for price in prices if price.since == newest]
    tiers = [price for price in of_the_day if not price.prompt_up_to or prompt <= price.prompt_up_to]
    return min(tiers, key=lambda price: price.prompt_up_to or MILLION * MILLION).of(usage)


@lru_cache(maxsize=1)
def _table() -> tuple[Mapping[str, Known], Known]:
    import yaml  # noqa: PLC0415 - the command line starts without it

    data = yaml.safe_load(Path(config.__file__).with_name("models.yml").read_text(encoding="utf-8"))
    unlisted = _known(data["unlisted"], data["unlisted"])
    return {name: _known(entry, data["unlisted"]) for name, entry in data["models"].items()}, unlisted


def _known(entry: Mapping[str, Any], unlisted: Mapping[str, Any]) -> Known:
    return Known(
        output=int(entry.get("output", unlisted["output"])),
        context=int(entry.get("context", unlisted["context"])),
        features=frozenset(entry.get("features", ())),
        prices=tuple(_price(price) for price in entry.get("prices", ())),
    )


def _price(entry: Mapping[str, Any]) -> Price:
    values = {("since" if key == "from" else key): value for key, value in entry.items()}
    return Price(**values)
