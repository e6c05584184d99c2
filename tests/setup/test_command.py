"""``opus67 setup`` and the writer of ``.env``, by their doors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.setup import env_file
from bot.setup.manifest import EVENTS, PERMISSIONS, app_file
from bot.triggers import EVENTS as WANTED
from config import dotenv
from config.settings import load
from jobs.types import UserError
from tests.setup.conftest import manifest_form

if TYPE_CHECKING:
    from jobs.testing.github import LocalGitHub

ROOT = Path(__file__).parents[2]


def environment(github: LocalGitHub) -> dict[str, str]:
    """Return the environment of the command: it knows the local GitHub and nothing else."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "GITHUB_API_URL": github.api_url,
        "GITHUB_SERVER_URL": github.server_url,
    }


def setup(github: LocalGitHub, folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder."""
    command = [sys.executable, "-m", "bot.cli", "setup", *flags]
    return subprocess.run(
        command, cwd=folder, env=environment(github), capture_output=True, text=True, timeout=60, check=False
    )


def test_an_existing_app_is_taken_from_the_flags(github: LocalGitHub, home: Path) -> None:
    """The values are checked against GitHub and written, and no secret is printed."""
    (home / "key.pem").write_text(github.private_key_pem)
    flags = ("--app-id", "67", "--private-key-path", "key.pem", "--webhook-secret", "hook-secret-one")
    result = setup(github, home, *flags)
    assert result.returncode == 0, result.stderr
    assert "opus67 doctor" in result.stdout
    assert "hook-secret-one" not in result.stdout
    written = load({}, dotenv=home / ".env")
    assert (written.github_app_id, written.github_webhook_secret) == (67, "hook-secret-one")


def test_the_printed_link_leads_through_and_the_command_ends(github: LocalGitHub, home: Path) -> None:
    """Without flags a link is printed; once the App is registered, the command says what is next and ends with 0."""
    command = [sys.executable, "-m", "bot.cli", "setup"]
    with subprocess.Popen(
        command, cwd=home, env=environment(github), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            link = next(line.strip() for line in process.stdout if "http://127.0.0.1:" in line)
            with httpx.Client(follow_redirects=True, timeout=20) as client:
                action, manifest = manifest_form(client.get(link).text)
                assert client.post(action, data={"manifest": manifest}).status_code == 200
            rest = process.stdout.read()
            assert process.wait(20) == 0
        finally:
            process.kill()
    assert "install the App on your repositories: http" in rest
    assert "put ANTHROPIC_API_KEY into .env" in rest
    assert load({}, dotenv=home / ".env").github_app_id


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--app-id", "67"), "--private-key-path"),
        (("--app-id", "67", "--private-key-path", "nowhere.pem"), "nowhere.pem cannot be read"),
        (("--webhook-secret", "x"), "--app-id"),
        (("--env-file", "/proc/none/.env"), "--env-file"),
    ],
)
def test_what_is_missing_is_named(github: LocalGitHub, home: Path, flags: tuple[str, ...], said: str) -> None:
    """An error in words, exit code 2, no traceback, no file."""
    result = setup(github, home, *flags)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert not (home / ".env").exists()


def test_other_lines_stay_as_they_are(home: Path) -> None:
    """Comments, order, quotes and other names survive; a name that stands twice stands once after."""
    file = home / ".env"
    file.write_text("# mine\nA='1 # x'\nexport B=\"old\nvalue\"  # note\nC=3\nB=older\n")
    written = env_file.update(file, {"B": "new\n", "D": "4"}, home / "backups")
    text = file.read_text()
    assert text.startswith("# mine\nA='1 # x'\nC=3\nB=\"new\\n\"\n")
    assert dotenv.parse(text).values == {"A": "1 # x", "C": "3", "B": "new\n", "D": "4"}
    assert written.replaced == ("B",)


def test_nothing_replaced_means_no_backup(home: Path) -> None:
    """The same value again, or a first one, is not a replacement."""
    file = home / ".env"
    first = env_file.update(file, {"A": "1"}, home / "backups")
    again = env_file.update(file, {"A": "1", "B": ""}, home / "backups")
    assert (first.backup, again.backup) == (None, None)
    assert not (home / "backups").exists()
    assert sorted(path.name for path in home.iterdir()) == [".env"]


def test_a_link_is_followed_and_not_replaced(home: Path) -> None:
    """A .env that is a link to a secret store's file stays a link."""
    (home / "real").write_text("A=1\n")
    (home / ".env").symlink_to(home / "real")
    env_file.update(home / ".env", {"B": "2"}, home / "backups")
    assert (home / ".env").is_symlink()
    assert dotenv.parse((home / "real").read_text()).values == {"A": "1", "B": "2"}


def test_a_file_that_is_not_text_is_left_alone(home: Path) -> None:
    """What cannot be read is not overwritten."""
    (home / ".env").write_bytes(b"\xff\x00")
    with pytest.raises(UserError):
        env_file.update(home / ".env", {"A": "1"}, home / "backups")
    assert (home / ".env").read_bytes() == b"\xff\x00"


@given(st.lists(st.sampled_from(["A=1", "B='x\ny'", "# c", "", "broken", 'C="', "A=2", "export D=4"]), max_size=8))
def test_an_update_changes_its_names_only(lines: list[str]) -> None:
    """Whatever the file holds, what else could be read from it reads the same, and the new value is there."""
    before = "\n".join(lines)
    after = env_file.updated(before, {"A": "new"})
    expected = {**dotenv.parse(before).values, "A": "new"}
    if '"' not in before:  # An open quote swallows what follows it, before and after.
        assert dotenv.parse(after).values == expected


def test_app_yml_is_the_manifest_and_hears_what_the_triggers_want() -> None:
    """One truth: the file, the manifest and the triggers; and never the permission to change workflows."""
    text = (ROOT / "app.yml").read_text()
    assert text == app_file()
    read = yaml.safe_load(text)
    assert read["default_permissions"] == dict(PERMISSIONS)
    assert "workflows" not in PERMISSIONS
    unasked = {"installation", "installation_repositories"}
    assert set(read["default_events"]) == set(EVENTS) == set(WANTED) - unasked
