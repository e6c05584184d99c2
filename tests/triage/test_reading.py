"""A job's log is read step by step, in any pieces, cleaned, and never whole."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from jobs.triage import join, read_log
from jobs.types import Reading
from tests.triage.conftest import TIME, step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LINT = "shop/cart.py:1:8: F401 'os' imported but unused"
TYPES = "shop/cart.py:6: error: Incompatible return value type  [return-value]"
MEGABYTE = 1_024 * 1_024


def names(reading: Reading) -> list[str]:
    """Return the names of what failed."""
    return [failure.name for failure in reading.failures]


@pytest.mark.parametrize("size", [1, 2, 7, 64, 4_096])
def test_pieces_do_not_matter(size: int, job: Callable[..., bytes]) -> None:
    """However the bytes come, the reading is the same: lines, characters and line ends may be parted anywhere."""
    log = job(step("flake8", f"\u2603 caf\u00e9\r50 %\r100 %\n{LINT}", 1))
    assert read_log(log[at : at + size] for at in range(0, len(log), size)) == read_log([log])


def test_the_failing_step_is_read(job: Callable[..., bytes]) -> None:
    """Command, title and failures are of the step that failed, not of those around it."""
    log = job(
        step("pip install -q .", "error: this is a warning only"),
        step("flake8 shop", LINT, 1),
        "##[group]Run actions/upload-artifact@v5",
        "with:",
        "##[endgroup]",
        "error: nothing to upload",
    )
    reading = read_log([log])
    assert names(reading) == ["F401"]
    assert (reading.command, reading.step) == ("flake8 shop", "Run flake8 shop")
    assert LINT in reading.excerpt
    assert "##[" not in reading.excerpt


def test_of_a_script_the_line_that_failed_is_told(job: Callable[..., bytes]) -> None:
    """Of several lines the one that runs the complaining tool is the command; where none does, all are."""
    assert read_log([job(step("pip install flake8\nflake8 shop\necho done", LINT, 1))]).command == "flake8 shop"
    assert read_log([job(step("./prepare\n./check", LINT, 1))]).command == "./prepare\n./check"


def test_steps_that_fail_one_after_the_other_are_all_read(job: Callable[..., bytes]) -> None:
    """Checks that run in any case are told together."""
    assert names(read_log([job(step("flake8 shop", LINT, 1), step("mypy shop", TYPES, 1))])) == ["F401", "return-value"]


def test_a_step_that_may_fail_is_passed_over(job: Callable[..., bytes]) -> None:
    """Where the job went on and failed later, the later failure is the one."""
    log = job(step("mypy shop", TYPES, 1), step("echo on", "on"), step("flake8 shop", LINT, 1))
    assert names(read_log([log])) == ["F401"]


def test_what_runs_after_a_failure_hides_nothing(job: Callable[..., bytes]) -> None:
    """Scripts that run after the failing step, to collect logs, leave it the failing one."""
    assert names(read_log([job(step("mypy shop", TYPES, 1), step("cat server.log", "bye"))])) == ["return-value"]


def test_groups_of_a_tool_are_no_steps(job: Callable[..., bytes]) -> None:
    """A group that a tool opens does not end the step that it belongs to."""
    output = f"{LINT}\n##[group]Run the slow checks\nslow\n##[endgroup]\n##[group]Run more"
    reading = read_log([job(step("flake8 shop", output, 1))])
    assert names(reading) == ["F401"]
    assert reading.command == "flake8 shop"


def test_an_action_tells_by_itself(job: Callable[..., bytes]) -> None:
    """An action that fails without an exit code is read from what it marks as an error."""
    log = job("##[group]Run acme/deploy@v2", "with:", "##[endgroup]", "##[error]The plan has no owner")
    (failure,) = read_log([log]).failures
    assert failure.message == "The plan has no owner"


def test_another_services_log_is_one_step() -> None:
    """A log without GitHub's words is read as a whole."""
    reading = read_log([f"$ flake8\n{LINT}\nmake: *** [Makefile:2: lint] Error 1\n".encode()])
    assert names(reading) == ["F401"]


@pytest.mark.parametrize("data", [b"", b"\n", b"\xff\xfe\x00", b"\r\r\r", TIME.encode()])
def test_a_log_that_says_nothing_is_an_empty_reading(data: bytes) -> None:
    """Nothing, and what is no text, gives no failure."""
    reading = read_log([data])
    assert (reading.failures, reading.infrastructure) == ((), "")


@settings(max_examples=150, deadline=None)
@given(some.lists(some.one_of(some.binary(max_size=60), some.sampled_from([
    b"##[group]Run x\n", b"shell: /bin/sh\n", b"##[endgroup]\n", b"##[error]Process completed with exit code 1.\n", b"\n",
    b"FAILED a.py::b - c\n", b"= short test summary info =\n", b"=== FAILURES ===\n", b"____ a ____\n", b"E   x\n", b"a.py:1: x\n",
    b"--- FAIL: T (0s)\n", b"    a.go:1: x\n", b"error[E1]: x\n", b" --> a.rs:1:1\n", b"  \xe2\x97\x8f a\n", b"FAIL a.test.js\n",
    b"not ok 1 - a\n", b"  1 failing\n", b"  1) a:\n", b"Traceback (most recent call last):\n", b'  File "a", line 1\n', b"XError: y\n",
])), max_size=40))  # fmt: skip
def test_no_log_is_an_error(pieces: list[bytes]) -> None:
    """Whatever the bytes, the reader answers."""
    assert isinstance(read_log(pieces), Reading)


def test_secrets_leave_the_log(job: Callable[..., bytes]) -> None:
    """Tokens of well-known forms, and values of variables named as secrets, are nowhere in a reading."""
    token, plain = "ghp_" + "a1B2" * 9, "hunter2hunter2"
    output = f"{LINT} {token}\nDB_PASSWORD={plain}\nAuthorization: Bearer {plain}\nerror: {token}"
    reading = read_log([job(step(f"flake8 --key {token}", output, 1))])
    assert names(reading) == ["F401"]
    assert token not in repr(reading)
    assert plain not in repr(reading)


def test_what_nobody_sees_leaves_the_log(job: Callable[..., bytes]) -> None:
    """Colours, titles of terminals, control and invisible characters are gone."""
    hidden = "\x1b]0;title\x07\x1b[31m" + LINT.replace("unused", "un\u200bus\u202eed\U000e0041\x08") + "\x1b[0m"
    (failure,) = read_log([job(step("flake8 shop", hidden, 1))]).failures
    assert failure.message == "'os' imported but unused"
    assert failure.excerpt == LINT


def large(middle: bytes, megabytes: int) -> Iterator[bytes]:
    """Yield a step of many megabytes that fails at its end."""
    yield step("flake8 shop", "starts", None).encode() + b"\n"
    block = middle * (MEGABYTE // len(middle))
    yield from (block for _ in range(megabytes))
    yield f"\n{LINT}\n##[error]Process completed with exit code 1.\nCleaning up orphan processes\n".encode()


@pytest.mark.parametrize(
    "middle",
    [
        b"INFO all is well, as it was a moment ago\n",
        b"x",
        b"[",
        b"E   error: and what it says of itself, at some length\n",
    ],
)
def test_a_large_log_is_read_in_little_memory(middle: bytes) -> None:
    """Of 25 MB the end is found, in a memory that does not grow with it, and the reading says that parts are missing."""
    tracemalloc.start()
    try:
        reading = read_log(large(middle, 25))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "F401" in names(reading)
    assert peak < 30 * MEGABYTE
    assert reading.cut is (b"\n" in middle)


def test_errors_in_the_middle_of_a_large_log_are_kept() -> None:
    """What looks like an error survives between the beginning and the end."""
    quiet = b"INFO all is well, as it was a moment ago\n" * 30_000

    def pieces() -> Iterator[bytes]:
        yield step("make check", "starts", None).encode() + b"\n"
        yield from (quiet, quiet, f"{TYPES}\n".encode(), quiet, quiet, quiet)
        yield b"##[error]Process completed with exit code 1.\nCleaning up orphan processes\n"

    reading = read_log(pieces())
    assert names(reading) == ["return-value"]
    assert reading.cut


def test_reading_ends_at_the_limit() -> None:
    """No more than the limit is taken from a stream that never ends, and the reading says so."""
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"error: again and again\n" * 1_000

    assert read_log(endless(), limit=MEGABYTE).cut
    assert taken < 60


def test_the_same_failure_in_two_jobs_is_one(job: Callable[..., bytes]) -> None:
    """Jobs of a matrix that fail alike are told once."""
    first, second = (read_log([job(step("flake8 shop", LINT, 1))]) for _ in range(2))
    assert join([first, second]) == first
    assert join([]) == Reading()
