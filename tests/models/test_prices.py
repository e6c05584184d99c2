"""Dated prices, by the table that ships."""

from __future__ import annotations

from datetime import date

import pytest

from jobs.models.prices import cost, is_priced, known
from jobs.types import Usage

MILLION = 1_000_000
TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("name", "usage", "dollars"),
    [
        ("claude-opus-5-5", Usage(input_tokens=MILLION), 4.0),
        ("claude-opus-5-5", Usage(output_tokens=MILLION), 20.0),
        ("claude-opus-5-5", Usage(cache_read_tokens=MILLION), 0.2),
        ("claude-opus-5-5", Usage(cache_write_tokens=MILLION), 5.0),
        ("claude-opus-5-5-20260922", Usage(input_tokens=MILLION), 4.0),
        ("claude-sonnet-5-5", Usage(output_tokens=MILLION), 10.0),
        ("claude-haiku-5-5", Usage(input_tokens=100_000, output_tokens=MILLION), 0.01 + 0.5),
        ("claude-haiku-5-5", Usage(input_tokens=60_000, cache_read_tokens=40_001), 60_000 * 0.5e-6 + 40_001 * 0.05e-6),
        ("openai:qwen3-coder", Usage(input_tokens=MILLION), 0.0),
    ],
)
def test_tokens_cost_what_the_table_says(name: str, usage: Usage, dollars: float) -> None:
    """Each kind of token has its price; Haiku's tier is chosen by the whole prompt, cached parts too."""
    assert cost(name, usage, TODAY) == pytest.approx(dollars)


def test_a_price_counts_from_its_day() -> None:
    """A lowered price holds from its day on, the old one before it, and before the first the first."""
    usage = Usage(cache_read_tokens=MILLION)
    prices = [cost("claude-sonnet-5-5", usage, date(2026, month, 7)) for month in (1, 9, 10)]
    assert prices == pytest.approx([0.2, 0.2, 0.1])


def test_a_model_without_a_price_is_told_apart() -> None:
    """A model that is not listed works with cautious bounds, and can be seen to have no price."""
    assert is_priced("claude-haiku-5-5")
    assert not is_priced("openai:qwen3-coder")
    assert not is_priced("claude-opus-5-50")
    assert known("openai:qwen3-coder").output > 0
