"""Reports in JUnit's form, by several runners and by nobody in good faith."""

from __future__ import annotations

import time

import pytest

from jobs.triage import join, read_junit
from jobs.types import Failure, FailureKind, Reading

PYTEST = b"""<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest" tests="2" failures="1">
<testcase classname="tests.test_cart.TestCart" name="test_total[a-1]" time="0.01">
<failure message="assert 3 == 4&#10; +  where 3 = total()">self = x

    def test_total(self):
&gt;       assert total() == 4
E       assert 3 == 4

tests/test_cart.py:12: AssertionError</failure></testcase>
<testcase classname="tests.test_cart" name="test_fine"/></testsuite></testsuites>"""
JEST = b"""<testsuites name="jest tests"><testsuite name="Cart"><testcase classname="Cart totals" name="Cart totals" time="0">
<failure>Error: expect(received).toBe(expected)
    at Object.&lt;anonymous&gt; (/home/runner/work/shop/shop/src/cart.test.js:12:20)</failure></testcase></testsuite></testsuites>"""
SUREFIRE = b"""<testsuite name="com.example.CartTest"><testcase name="totals" classname="com.example.CartTest">
<failure message="expected: 4 but was: 3" type="AssertionFailedError">org.opentest4j.AssertionFailedError
	at com.example.CartTest.totals(CartTest.java:21)</failure></testcase>
<testcase name="later" classname="com.example.CartTest"><flakyFailure message="x">y</flakyFailure></testcase>
<testcase name="skipped" classname="com.example.CartTest"><skipped/></testcase></testsuite>"""
GOTESTSUM = b"""<testsuites><testsuite name="example.com/shop"><testcase classname="example.com/shop" name="TestTotal">
<failure message="Failed" type="">    cart_test.go:12: got 3, want 4</failure></testcase></testsuite></testsuites>"""
BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<testsuite><testcase name="t"><failure>&b;</failure></testcase></testsuite>"""
OUTSIDE = b"""<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<testsuite><testcase name="t"><failure>&a;</failure></testcase></testsuite>"""


@pytest.mark.parametrize(
    ("report", "tool", "name", "path", "line"),
    [
        (PYTEST, "pytest", "tests/test_cart.py::TestCart::test_total[a-1]", "tests/test_cart.py", 12),
        (JEST, "junit", "Cart totals", "src/cart.test.js", 12),
        (SUREFIRE, "junit", "com.example.CartTest.totals", "CartTest.java", 21),
        (GOTESTSUM, "junit", "example.com/shop.TestTotal", "cart_test.go", 12),
    ],
)
def test_failures_are_read(report: bytes, tool: str, name: str, path: str, line: int) -> None:
    """Every runner's report gives the failed test and its place, and no test that passed in the end."""
    (failure,) = read_junit(report)
    assert (failure.tool, failure.kind) == (tool, FailureKind.TEST)
    assert (failure.name, failure.path, failure.line) == (name, path, line)


@pytest.mark.parametrize(
    "data", [b"", b"<", b"<a>", b"not xml", b"\x00\xff", BOMB, OUTSIDE, b"<a>" * 10_000, b"<a " + b"b" * 10_000]
)
def test_what_is_no_report_is_nothing(data: bytes) -> None:
    """Malformed, entity-laden and bottomless reports give no failure and no error."""
    assert read_junit(data) == ()


def test_a_huge_report_is_left_unread() -> None:
    """Reports over 16 MiB cost nothing."""
    started = time.monotonic()
    assert read_junit(PYTEST + b" " * (17 * 1_024 * 1_024)) == ()
    assert time.monotonic() - started < 5


def test_many_failures_are_few() -> None:
    """Of thousands of failures a hundred are kept."""
    cases = b"".join(b'<testcase name="t%d"><failure message="m">x</failure></testcase>' % n for n in range(3_000))
    assert len(read_junit(b"<testsuite>" + cases + b"</testsuite>")) == 100


def test_secrets_and_hidden_characters_leave_a_report() -> None:
    """A report is cleaned as a log is."""
    secret = b"ghs_" + b"a1B2" * 9
    report = PYTEST.replace(b"assert 3 == 4", b"token " + secret + "\u200b\U000e0041".encode())
    (failure,) = read_junit(report)
    assert "ghs_" not in f"{failure.message}{failure.excerpt}"
    assert "\u200b" not in f"{failure.message}{failure.excerpt}"


def test_a_test_told_by_log_and_report_is_one() -> None:
    """Of the same test in both, the log's words stay and the report's place fills what is missing."""
    told = Failure("jest", FailureKind.TEST, "Cart \u203a Cart totals", "expect", "", 0, "a" * 16, "\u25cf Cart")
    (one,) = join(
        [Reading(failures=(told,)), Reading(failures=read_junit(JEST.replace(b"/src/cart.test.js", b"")))]
    ).failures
    assert one.tool == "jest"
