"""The demo's material does what it says: the bug is there, and the recorded run mends it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from jobs.testing import sample
from jobs.testing.github import LocalGitHub
from jobs.testing.models.script import Reply
from jobs.testing.sample import recording

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with the sample's files."""
    root = tmp_path / "workspace"
    for name, text in sample.files().items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def shell(checkout: Path, command: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        ["bash", "-c", command], cwd=checkout, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def calls() -> list[dict[str, Any]]:
    """Return all tool calls of the recording, in their order."""
    return [block for reply in recording.replies() for block in reply.content if block["type"] == "tool_use"]


def edit(checkout: Path, given: dict[str, Any]) -> None:
    """Do what the editor tool does, strictly: the old text must be there once."""
    file = checkout / given["path"].removeprefix("/workspace/")
    text = file.read_text()
    if given["command"] == "str_replace":
        assert text.count(given["old_str"]) == 1, given["path"]
        file.write_text(text.replace(given["old_str"], given["new_str"]))


def test_the_sample_passes_its_own_tests_and_has_the_bug(checkout: Path) -> None:
    """The repository is green before the run, and shows what the issue says."""
    assert shell(checkout, recording.CHECK).returncode == 0
    printed = shell(checkout, recording.REPRODUCE).stdout
    assert printed.splitlines() == ["Friday 01:00 open", "Saturday 01:00 open", "Sunday 01:00 closed"]


def test_the_recording_mends_the_sample(checkout: Path) -> None:
    """The recorded edits make tests that fail first, pass at the end, and leave the issue's example right."""
    outcomes = []
    for block in calls():
        if block["name"] == recording.EDITOR:
            edit(checkout, block["input"])
        elif block["input"].get("command") == recording.CHECK:
            outcomes.append(shell(checkout, recording.CHECK))
    assert [one.returncode for one in outcomes] == [1, 0]
    assert "failures=4" in outcomes[0].stderr
    assert "Ran 14 tests" in outcomes[1].stderr
    printed = shell(checkout, recording.REPRODUCE).stdout
    assert printed.splitlines() == ["Friday 01:00 closed", "Saturday 01:00 open", "Sunday 01:00 open"]


def test_the_recording_uses_the_tools_of_the_house() -> None:
    """Every call names a tool of the agent, and the run ends with finish."""
    names = [block["name"] for block in calls()]
    assert set(names) == {"update_plan", "bash", "str_replace_based_edit_tool", "finish"}
    assert names[-1] == "finish"
    assert set(calls()[-1]["input"]) == {"title", "summary"}


def test_a_review_is_answered_as_a_review() -> None:
    """A request that offers report_review gets the reviewer's verdict; any other gets the run."""
    script = recording.recording()
    messages = [{"role": "user", "content": "x"}]
    verdict = script({"messages": messages, "tools": [{"name": "report_review"}]})
    first = script({"messages": messages, "tools": [{"name": "bash"}]})
    assert isinstance(verdict, Reply)
    assert verdict.content[0]["input"]["verdict"] == "approve"
    assert isinstance(first, Reply)
    assert first.content[0]["type"] == "thinking"


def test_the_issue_has_a_title_and_a_body() -> None:
    """The issue reads as a person wrote it."""
    title, body = sample.issue()
    assert title.startswith("Bar shows as closed")
    assert body.startswith("We use openhours")


def test_the_sample_becomes_a_repository(tmp_path: Path, pem: str) -> None:
    """A local GitHub takes the sample's files as a repository."""
    with LocalGitHub(tmp_path / "github", private_key_pem=pem) as github:
        github.create_repository("octo/openhours", sample.files())
        assert github.file("octo/openhours", ".gitignore") is not None
        assert b"def is_open" in (github.file("octo/openhours", "openhours/week.py") or b"")
