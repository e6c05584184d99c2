"""The machinery's failures are told from the code's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.triage import diagnose, join, may_rerun, read_log
from jobs.types import Cause, History
from tests.triage.conftest import step

if TYPE_CHECKING:
    from collections.abc import Callable

BROKEN = {
    "name": (
        "curl -fsS https://files.example.com/a",
        "curl: (6) Could not resolve host: files.example.com",
        "resolved",
    ),
    "reset": (
        "git clone https://git.example.com/a",
        "fatal: early EOF\nfatal: fetch-pack: invalid index-pack output",
        "network",
    ),
    "TLS": ("docker pull a", "error pulling image: net/http: TLS handshake timeout", "secure connection"),
    "gateway": ("npm ci", "npm error 502 Bad Gateway - GET https://packages.example.com/a", "server error"),
    "rate": ("docker pull a", "toomanyrequests: You have reached your pull rate limit.", "rate"),
    "image": ("docker pull a", "Error response from daemon: Get https://images.example.com/v2/: EOF", "image"),
    "disk": ("make", "tar: write error: No space left on device", "disk"),
    "memory": (
        "node build.js",
        "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        "memory",
    ),
    "cache": ("./restore", "Error: Cache service responded with 503", "cache"),
}
FAILING = """=================================== FAILURES ===================================
_________________________________ test_refused _________________________________
    def test_refused():
>       assert shop.status == "open"
E       AssertionError: assert 'closed' == 'open'

tests/test_shop.py:9: AssertionError
----------------------------- Captured stdout call -----------------------------
%s
=========================== short test summary info ============================
FAILED tests/test_shop.py::test_refused - AssertionError: assert 'closed' == 'open'
============================== 1 failed in 0.02s ==============================="""


@pytest.mark.parametrize("what", BROKEN)
def test_the_words_of_machines_are_known(what: str, job: Callable[..., bytes]) -> None:
    """Network, services, disk and memory are told apart, in words, and are worth another run."""
    command, output, words = BROKEN[what]
    reading = read_log([job(step(command, output, 1))])
    assert words in reading.infrastructure
    assert reading.failures == ()
    assert diagnose(reading, History()).cause is Cause.INFRASTRUCTURE
    assert may_rerun(reading, History())


@pytest.mark.parametrize("what", BROKEN)
def test_what_a_failing_test_prints_is_not_the_machinery(what: str, job: Callable[..., bytes]) -> None:
    """A test that fails by an assertion is the code's failure, whatever stands in its output."""
    reading = read_log([job(step("pytest", FAILING % BROKEN[what][1], 1))])
    assert reading.infrastructure == ""
    assert [one.name for one in reading.failures] == ["tests/test_shop.py::test_refused"]
    assert diagnose(reading, History()).cause is Cause.DETERMINISTIC


def test_a_test_cannot_speak_for_the_runner(job: Callable[..., bytes]) -> None:
    """Lines that look like the runner's change nothing where tests failed and the step ended by itself."""
    said = "##[error]The hosted runner lost communication with the server.\n##[error]The operation was canceled."
    assert read_log([job(step("pytest", FAILING % said, 1))]).infrastructure == ""


def test_a_service_on_the_machine_itself_is_no_network(job: Callable[..., bytes]) -> None:
    """A refused connection to localhost is the job's own doing."""
    output = "ConnectionRefusedError: connect ECONNREFUSED 127.0.0.1:5432 - Connection refused"
    assert read_log([job(step("node migrate.js", output, 1))]).infrastructure == ""


def test_a_lost_runner_leaves_a_log_without_an_end(job: Callable[..., bytes]) -> None:
    """A log that ends within a step tells of a lost runner; one that ends with the clean-up does not."""
    lost = read_log([job(step("make soak", "round 1\nround 2", None), lost=True)])
    assert "runner was lost" in lost.infrastructure
    assert lost.command == "make soak"
    assert read_log([job(step("make soak", "round 1\nround 2"))]).infrastructure == ""


@pytest.mark.parametrize(("code", "words"), [(137, "memory"), (143, "stopped from outside")])
def test_a_killed_step_is_the_machines(code: int, words: str, job: Callable[..., bytes]) -> None:
    """Exit codes of signals from outside are not the code's."""
    assert words in read_log([job(step("make", "working", code))]).infrastructure


def test_a_stopped_step_is_the_runners_even_where_a_test_failed(job: Callable[..., bytes]) -> None:
    """What fails while the runner is shut down says nothing."""
    said = f"{FAILING % ''}\n##[error]The runner has received a shutdown signal."
    reading = read_log([job(step("pytest", said, 143))])
    assert "shut down" in reading.infrastructure
    assert diagnose(reading, History()).cause is Cause.INFRASTRUCTURE


def test_code_counts_more_than_machines_over_several_jobs(job: Callable[..., bytes]) -> None:
    """Where one job lost its network and another's test failed, there is something to mend."""
    network = read_log([job(step(*BROKEN["name"][:2], 1))])
    code = read_log([job(step("pytest", FAILING % "", 1))])
    for readings in ((network, code), (code, network)):
        joined = join(readings)
        assert joined.infrastructure == ""
        assert joined.command == "pytest"
        assert diagnose(joined, History()).cause is Cause.DETERMINISTIC
    assert join([network, network]).infrastructure == network.infrastructure


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("TimeoutError: timed out after 5 s", "a timeout"),
        ("connect: connection refused", "a connection was refused or broken"),
        ("OSError: [Errno 98] Address already in use", "a port was in use already"),
        ("WARNING: DATA RACE", "a race between threads"),
        ("this test is flaky", "the log itself speaks of retries or flakiness"),
        ("ModuleNotFoundError: no module", ""),
        ("nothing of note", ""),
    ],
)
def test_signs_of_what_comes_and_goes(said: str, hint: str, job: Callable[..., bytes]) -> None:
    """Timeouts, refused connections, races and the like in a failing test are told, for one more run."""
    reading = read_log([job(step("pytest", FAILING % said, 1))])
    assert reading.flaky_hint == hint
    assert may_rerun(reading, History()) is bool(hint)
