"""A signature stays the same for the same failure and differs for another."""

from __future__ import annotations

import re

import pytest

from jobs.triage import signature

SAME = {
    "duration": ("took 0.31 s", "took 12.7 s"),
    "milliseconds": ("Test timed out in 200ms.", "Test timed out in 5000ms."),
    "date": ("at 2026-11-20 08:15:42", "at 2027-01-02T09:00:00.123Z"),
    "clock": ("[08:15:42.123] failed", "[23:59:59.9] failed"),
    "address": ("<Cart object at 0x7f2f81de7a90>", "<Cart object at 0x7fc987031b10>"),
    "identifier": ("order 6d0f2c1e-8b52-4f7e-9f0a-3a1c5e7b9d42", "order 00000000-1111-2222-3333-444444444444"),
    "hash": ("commit 1a2b3c4d5e is not", "commit 99ff00aa11 is not"),
    "process": ("worker (pid 812) died", "worker (pid 90210) died"),
    "port": ("connect to localhost:43121", "connect to localhost:51999"),
    "named port": ("port 8081 is in use", "port 9092 is in use"),
    "place": ("in src/cart.py:12:5 and on", "in src/cart.py:14:9 and on"),
    "line": ("line 12 is wrong", "line 98 is wrong"),
    "runner's folder": ("no /home/runner/work/shop/shop/a.py", "no /Users/runner/work/shop/shop/a.py"),
    "Windows": (r"no D:\a\shop\shop\src\a.py", "no /home/runner/work/shop/shop/src/a.py"),
    "temporary folder": ("no /tmp/tmpabc123/x.csv", "no /tmp/pytest-of-runner/pytest-7/x.csv"),
    "temporary name": ("file tmp1a2b3c4d is gone", "file tmpzz9_q8w7 is gone"),
    "seed": ("seed=12345 fails", "seed=9 fails"),
    "quotes": ("no module `shop`", "no module \u2018shop\u2019"),
    "order of a set": ("got {'a', 'b', 'c'}", "got {'c', 'a', 'b'}"),
    "thread": ("in Thread-3", "in Thread-12"),
    "long number": ("id 1700000000123", "id 1800000000999"),
    "spaces": ("a  b\n c", "a b c"),
    "assertion's type": ("AssertionError: assert 3 == 4", "assert 3 == 4"),
}
DIFFERENT = {
    "values": ("assert 3 == 4", "assert 3 == 5"),
    "names": ("no module 'shop'", "no module 'cart'"),
    "files": ("no such file 'rates.json'", "no such file 'prices.json'"),
    "folders": ("in src/a.py", "in lib/a.py"),
}


def of(message: str, name: str = "test_a", path: str = "tests/a.py") -> str:
    """Return the signature of a failing test."""
    return signature("pytest", "test", name, message, path)


@pytest.mark.parametrize("what", SAME)
def test_what_changes_from_run_to_run_does_not_count(what: str) -> None:
    """Times, places of machines, numbers of processes and orders leave the signature as it is."""
    first, second = SAME[what]
    assert of(first) == of(second)


@pytest.mark.parametrize("what", DIFFERENT)
def test_what_is_wrong_counts(what: str) -> None:
    """Another message is another failure."""
    first, second = DIFFERENT[what]
    assert of(first) != of(second)


def test_test_file_tool_and_kind_count() -> None:
    """Another test, another file, another tool or another kind is another failure."""
    signatures = {
        of("x"),
        of("x", name="test_b"),
        of("x", path="tests/b.py"),
        signature("unittest", "test", "test_a", "x", "tests/a.py"),
        signature("pytest", "other", "test_a", "x", "tests/a.py"),
    }
    assert len(signatures) == 5


def test_it_is_sixteen_hexadecimal_digits() -> None:
    """Whatever the text, the signature has one form."""
    for text in ("", "\ud800", "\x00" * 10, "[" * 10_000, "/tmp/" * 10_000, "0" * 10_000):
        assert re.fullmatch("[0-9a-f]{16}", of(text))
