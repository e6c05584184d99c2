"""Places in the code that an answer names become links, where they are there, and nothing else does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from jobs.answer.links import Reference, linked, references
from jobs.text import neutralise
from jobs.types import Conclusion, Outcome
from tests.text.strategies import markup

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY, COMMIT = "https://github.com/octo/shop", "0123456789abcdef0123456789abcdef01234567"
LINES = {"shop/basket.py": 40, "README.md": 3, "app/[id]/page (old).tsx": 9, "@types/x.d.ts": 5, "Makefile": 7}


def there(path: str, line: int) -> bool:
    """Tell whether the repository of these tests has a file with so many lines."""
    return 0 < line <= LINES.get(path, 0)


def answer(text: str, exists: Callable[[str, int], bool]) -> str:
    """Return an answer's text with the links to the places that the harness found to be there."""
    good = tuple(str(one) for one in references(text) if exists(one.path, one.last))
    outcome = Outcome(Conclusion.SUCCESS, text, blob_url=f"{REPOSITORY}/blob/{COMMIT}", references=good)
    return linked(text, outcome)


def shown(text: str) -> str:
    """Return a text with its links, whose address is shortened to what follows the commit."""
    return answer(text, there).replace(f"{REPOSITORY}/blob/{COMMIT}/", "…/")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see shop/basket.py:12.", "see [`shop/basket.py:12`](…/shop/basket.py#L12)."),
        ("`shop/basket.py:12-20`", "[`shop/basket.py:12-20`](…/shop/basket.py#L12-L20)"),
        ("`` shop/basket.py#L12-L20 ``", "[`shop/basket.py#L12-L20`](…/shop/basket.py#L12-L20)"),
        ("(shop/basket.py#L12-20)", "([`shop/basket.py#L12-20`](…/shop/basket.py#L12-L20))"),
        ("shop/basket.py:12:7 here", "[`shop/basket.py:12:7`](…/shop/basket.py#L12) here"),
        ("/workspace/shop/basket.py:1", "[`/workspace/shop/basket.py:1`](…/shop/basket.py#L1)"),
        ("- ./Makefile:7, README.md:3", "- [`./Makefile:7`](…/Makefile#L7), [`README.md:3`](…/README.md#L3)"),
        ("`app/[id]/page (old).tsx:9`", "[`app/[id]/page (old).tsx:9`](…/app/%5Bid%5D/page%20%28old%29.tsx#L9)"),
        ("| a |\n|---|\n| README.md:1 |", "| a |\n|---|\n| [`README.md:1`](…/README.md#L1) |"),
    ],
)
def test_a_place_that_is_there_is_linked(text: str, expected: str) -> None:
    """In running text, in a code span, in a table; one line, a range, a column behind it, the sandbox's path before it."""
    assert shown(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "shop/basket.py:41",
        "shop/basket.py:0",
        "shop/basket.py:20-10",
        "shop/basket.py:30-41",
        "shop/other.py:1",
        "../shop/basket.py:1",
        "https://example.com/README.md:1 and https://example.com/?x=README.md:1",
        "```\nREADME.md:1\n```",
        "    README.md:1",
        "`cat README.md:1 | less`",
        "README.md:1a and README.md:1/2",
        "at 12:30, ratio 3:4",
    ],
)
def test_all_else_stays_as_it_is(text: str) -> None:
    """Lines and files that are not there, addresses, blocks of code, and what only looks like a place."""
    assert shown(text) == text


def test_what_is_looked_at_has_a_bound() -> None:
    """Each place is looked at once, and not more than two hundred of them."""
    assert references("README.md:1 README.md:1 `README.md#L1-L2`") == (
        Reference("README.md", 1, 1),
        Reference("README.md", 1, 2),
    )
    assert len(references(" ".join(f"f{number}.py:1" for number in range(5_000)))) == 200


@settings(max_examples=200, deadline=None)
@given(markup, some.booleans())
def test_no_text_breaks_it(text: str, known: bool) -> None:
    """Whatever a model wrote, links lead to the repository only, and without references nothing changes."""
    safe = neutralise(text)
    made = answer(safe, lambda _path, _line: known)
    assert made.count("](") - safe.count("](") == made.count(f"]({REPOSITORY}/blob/") - safe.count(
        f"]({REPOSITORY}/blob/"
    )
    if not known:
        assert made == safe
