"""Artifacts by people who want the reader to crash, to grow or to hang: zip files and JUnit's XML."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zipfile

import pytest

from jobs.kinds.fix_ci.archives import reports
from jobs.triage import read_junit

REPORT = b'<testsuite><testcase name="a"><failure message="m">m</failure></testcase></testsuite>'
SECONDS = 15.0
MEGABYTES = 20


def packed(method: int, data: bytes = REPORT * 60) -> bytearray:
    """Return a zip file with one report."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as made:
        made.writestr("junit.xml", data)
    return bytearray(buffer.getvalue())


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_no_broken_archive_ends_the_reader(method: int) -> None:
    """Whichever byte of it is another one, there are reports or there are none, and no error."""
    whole = packed(method)
    for at in range(len(whole)):
        broken = bytearray(whole)
        broken[at] ^= 0xFF
        assert all(isinstance(one, bytes) for one in reports(bytes(broken)))


def test_an_archive_that_is_all_directory_is_not_read() -> None:
    """400 000 entries in 20 MB, of which the trailer tells as many as it likes, cost neither time nor memory."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    directory = entry * 400_000
    trailer = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), 0, 0)
    tracemalloc.start()
    try:
        assert list(reports(directory + trailer)) == []
        assert tracemalloc.get_traced_memory()[1] < MEGABYTES * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "report",
    [
        b'<testsuite><testcase name="a" %s><failure/></testcase></testsuite>'
        % b" ".join(b'k%d="v"' % number for number in range(500_000)),
        b"<testsuite>%s</testsuite>"
        % b"".join(
            b'<testcase name="a%d" %s><failure/></testcase>'
            % (test, b" ".join(b'k%d="v"' % number for number in range(6_000)))
            for test in range(100)
        ),
    ],
    ids=["one test", "many tests"],
)
def test_attributes_that_nobody_reads_cost_nothing(report: bytes) -> None:
    """Half a million attributes are passed over."""
    began = time.monotonic()
    assert read_junit(report)
    assert time.monotonic() - began < SECONDS


def test_a_report_of_ordinary_packing_is_read() -> None:
    """What is refused here is refused for what it is."""
    assert len(list(reports(bytes(packed(zipfile.ZIP_DEFLATED))))) == 1
    assert len(list(reports(bytes(packed(zipfile.ZIP_STORED))))) == 1
