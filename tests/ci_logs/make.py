"""Produces the logs again: writes each sample project, runs the real tool on it, wraps its output as a job's log.

Run as ``python -m tests.ci_logs.make [case …] [--toolbox folder]``; without names, all. It needs bash, git, Node, gcc,
clang, make, Go and Rust, and installs the rest into the toolbox. A ``case.yml`` is written by a person, never from here.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.ci_logs.joblog import CHECKOUT, JobLog
from tests.ci_logs.toolbox import Toolbox

HERE = Path(__file__).parent
TABLES = ("python.yml", "javascript.yml", "compiled.yml")
_FOREIGN = re.compile(r"(?<![\w.-])/(root|work|var/folders|Users)/\S*|\S*/usr/local/\S*")


@dataclass(frozen=True)
class Project:
    """A row of a table: the files of a sample project and the steps that are run on it."""

    files: dict[str, str]
    steps: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    checkout: str = CHECKOUT
    prepare: str = ""
    """A script that is run before, out of sight: what earlier steps of the workflow would have done."""
    go_on: tuple[int, ...] = ()
    """Which steps may fail, by number: those with ``continue-on-error``."""
    matcher: str = ""
    """A pattern; lines that match it are shown as errors, as by the problem matchers of the set-up actions."""


def main() -> None:
    """Produce the cases that are named, or all."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("cases", nargs="*")
    reader.add_argument("--toolbox", type=Path, help="a folder to keep the tools in; a temporary one if not given")
    asked = reader.parse_args()
    projects = {name: project for table in TABLES for name, project in read_table(HERE / table).items()}
    folder = asked.toolbox or Path(tempfile.mkdtemp(prefix="ci-logs-"))
    try:
        box = Toolbox(folder)
        box.prepare()
        for name in asked.cases or projects:
            produce(box, name, projects[name])
    finally:
        if asked.toolbox is None:
            shutil.rmtree(folder, ignore_errors=True)


def read_table(path: Path) -> dict[str, Project]:
    """Read a table of projects; a row that is ``like`` another has its files and steps, with changes of its own."""
    rows: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: Project(**_whole(rows, name)) for name in rows if not name.startswith("_")}


def _whole(rows: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    row = dict(rows[name])
    if "like" not in row:
        return row
    other = _whole(rows, row.pop("like"))
    return {**other, **row, "files": {**other["files"], **row.get("files", {})}}


def produce(box: Toolbox, name: str, project: Project) -> None:
    """Run one project's steps and write its log, and its report where the tool wrote one."""
    folder = box.project(name, project.files)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    if project.prepare:
        box.run(project.prepare, folder, project.environment)
    log = JobLog(name, project.checkout)
    log.set_up()
    for number, script in enumerate(project.steps):
        log.step(script.rstrip("\n"), project.environment)
        output, code = box.run(script, folder, project.environment)
        output = box.as_on_a_runner(output, folder, project.checkout)
        if project.matcher:
            output = re.sub(project.matcher, r"##[error]\g<0>", output, flags=re.MULTILINE)
        if output.strip():
            log.write(output)
        if code:
            log.exit(code)
            if number not in project.go_on:
                break
    _write(box, name, folder, project, log.text())


def _write(box: Toolbox, name: str, folder: Path, project: Project, text: str) -> None:
    foreign = _FOREIGN.search(text)
    if foreign:
        raise SystemExit(f"{name}: the log names a place of this machine, {foreign[0]}: name it in toolbox.py")
    case = HERE / name
    case.mkdir(exist_ok=True)
    (case / "log.txt").write_text(text, encoding="utf-8", newline="\n")
    report = folder / "junit.xml"
    if report.exists():
        written = box.as_on_a_runner(report.read_text(encoding="utf-8"), folder, project.checkout)
        (case / "junit.xml").write_text(re.sub(r'hostname="[^"]*"', 'hostname="runner"', written), encoding="utf-8")


if __name__ == "__main__":
    main()
