"""Every case of the corpus is whole and as GitHub would give it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.types import FailureKind, History
from tests.ci_logs.make import TABLES, read_table

HERE = Path(__file__).parent
CASES = sorted(path.parent.name for path in HERE.glob("*/log.txt"))
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z ")
CLASSES = {"deterministic", "infrastructure", "flaky", "green"}
FIELDS = {"class", "made", "tool", "failures", "command", "same_as", "differs_from", "history"}


def read(name: str) -> dict[str, Any]:
    """Return what a case expects."""
    case: dict[str, Any] = yaml.safe_load((HERE / name / "case.yml").read_text(encoding="utf-8"))
    return case


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_whole(name: str) -> None:
    """A case says its class, how it was made, and what fails in it."""
    case = read(name)
    assert case["class"] in CLASSES
    assert case["made"] in {"produced", "written"}
    assert set(case) <= FIELDS
    assert bool(case["failures"]) == (case["class"] in {"deterministic", "flaky"})
    assert bool(case.get("history")) == (case["class"] == "flaky")
    History(**case.get("history", {}))
    for failure in case["failures"]:
        assert set(failure) <= {"name", "path", "line", "also", "kind", "message"}
        assert FailureKind(failure["kind"])
        assert failure.get("path") or failure.get("message")
    for other in ("same_as", "differs_from"):
        assert case.get(other, CASES[0]) in CASES


@pytest.mark.parametrize("name", CASES)
def test_a_log_is_as_github_gives_it(name: str) -> None:
    """A log begins with its mark of byte order, has a time on its lines, and holds what the case quotes of it."""
    data = (HERE / name / "log.txt").read_bytes()
    assert len(data) < 200_000
    assert data.startswith(b"\xef\xbb\xbf")
    text = data.decode("utf-8").removeprefix("\ufeff")
    stamped = [line for line in text.split("\n") if STAMP.match(line)]
    assert len(stamped) > 4
    assert text.split("\n")[0] in stamped
    assert text.endswith("\n")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text).replace('\\"', '"')
    for failure in read(name)["failures"]:
        assert failure.get("message", "") in plain
        assert Path(failure.get("path", "")).name in plain


def test_the_corpus_covers_what_it_promises() -> None:
    """There are at least 70 cases, and enough of each sort."""
    classes = [read(name)["class"] for name in CASES]
    assert len(classes) >= 70
    assert classes.count("infrastructure") >= 12
    assert classes.count("flaky") >= 6
    assert classes.count("green") >= 6
    assert len([name for name in CASES if name.startswith("hostile-")]) >= 4


def test_what_is_produced_is_in_a_table() -> None:
    """Every produced case can be produced again, and the tables hold nothing else."""
    rows = {name for table in TABLES for name in read_table(HERE / table)}
    assert rows == {name for name in CASES if read(name)["made"] == "produced"}
