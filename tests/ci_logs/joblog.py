"""Wraps the output of commands as GitHub's download of a job's log looks: times, groups, workflow commands."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta

CHECKOUT = "/home/runner/work/shop/shop"
TOOLS = "/opt/hostedtoolcache"
_COMMAND = re.compile(r"^::(error|warning|notice|debug|group|endgroup)(?: [^:]*(?::[^:]+)*?)?::(.*)$")
_START = datetime(2026, 11, 20, 8, 15, 40, tzinfo=UTC)

_SET_UP = """\
Current runner version: '2.331.0'
##[group]Runner Image Provisioner
Hosted Compute Agent
Version: 20261030.512
##[endgroup]
##[group]Operating System
Ubuntu
24.04.3
LTS
##[endgroup]
##[group]GITHUB_TOKEN Permissions
Contents: read
Metadata: read
##[endgroup]
Secret source: Actions
Prepare workflow directory
Prepare all required actions
Getting action download info
Download action repository 'actions/checkout@v6' (SHA:1af3b93b6815bc44a9784bd300feb67ff0d1eeb3)
Complete job name: test
##[group]Run actions/checkout@v6
with:
  repository: acme/shop
  token: ***
  persist-credentials: true
  fetch-depth: 1
##[endgroup]
Syncing repository: acme/shop
##[group]Getting Git version info
Working directory is '{checkout}'
[command]/usr/bin/git version
git version 2.51.2
##[endgroup]
##[group]Checking out the ref
[command]/usr/bin/git checkout --progress --force -B main refs/remotes/origin/main
Switched to a new branch 'main'
branch 'main' set up to track 'origin/main'.
##[endgroup]
[command]/usr/bin/git log -1 --format=%H
{commit}"""

_CLEAN_UP = """\
Post job cleanup.
[command]/usr/bin/git version
git version 2.51.2
[command]/usr/bin/git config --local --name-only --get-regexp core\\.sshCommand
[command]/usr/bin/git submodule foreach --recursive sh -c "git config --local --unset-all 'core.sshCommand' || :"
Cleaning up orphan processes"""


class JobLog:
    """One job's log in the making; the name of the case decides its times, so that the same case gives the same log."""

    def __init__(self, name: str, checkout: str = CHECKOUT) -> None:
        self._chance = random.Random(name)  # noqa: S311 - the same times for the same case, no secret
        self._now = _START + timedelta(minutes=self._chance.randrange(9000))
        self._lines: list[str] = []
        self._checkout = checkout

    def set_up(self) -> None:
        """Write what comes before the first step of the workflow's own."""
        commit = f"{self._chance.getrandbits(160):040x}"
        self.write(_SET_UP.format(checkout=self._checkout, commit=commit))

    def step(self, script: str, environment: dict[str, str], shell: str = "/usr/bin/bash -e {0}") -> None:
        """Write the head of a step that runs a script."""
        first, *_ = script.splitlines()
        colored = [f"\x1b[36;1m{line}\x1b[0m" for line in script.splitlines()]
        said = ["env:", *(f"  {key}: {value}" for key, value in environment.items())] if environment else []
        self.write("\n".join([f"##[group]Run {first}", *colored, f"shell: {shell}", *said, "##[endgroup]"]))

    def write(self, text: str) -> None:
        """Write lines, each with its time; a workflow command becomes what the runner shows of it."""
        for line in text.rstrip("\n").split("\n"):
            shown = _shown(line)
            if shown is not None:
                self._now += timedelta(microseconds=self._chance.randrange(20, 90_000))
                self._lines.append(f"{self._now:%Y-%m-%dT%H:%M:%S.%f}{self._chance.randrange(10)}Z {shown}")

    def exit(self, code: int) -> None:
        """Write how the runner tells that a step has failed."""
        self.write(f"##[error]Process completed with exit code {code}.")

    def text(self) -> str:
        """Return the whole log, with the mark of byte order that GitHub's downloads begin with."""
        self.write(_CLEAN_UP)
        return "\ufeff" + "\n".join(self._lines) + "\n"


def _shown(line: str) -> str | None:
    """Tell what the runner writes for a line of output; None where it keeps it for itself."""
    command = _COMMAND.match(line)
    if command is None:
        return line
    name, message = command.groups()
    if name == "debug":
        return None
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        message = message.replace(code, character)
    return f"##[{name}]{message}"
