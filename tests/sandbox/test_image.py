"""The image that sandboxes in an engine start from."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from jobs.sandbox import image
from jobs.types import SandboxError
from tests.sandbox.places import ensure_image, start


def test_an_image_that_is_there_is_not_built_again(engine: str) -> None:
    """The second build says so and ends at once."""
    ensure_image(engine)
    said: list[str] = []
    image.build(engine, "", None, said.append)
    assert said == ["The image opus67-sandbox:latest is there already."]


def test_the_image_has_what_repositories_need(engine: str, home: Path) -> None:
    """Each program answers, the agent has a name, and no program raises privileges."""
    sandbox = start(engine, home)
    try:
        programs = "git rg python3 pip pytest node npm gcc make curl jq unzip ps less patch"
        result = sandbox.run(
            f"for name in {programs}; do command -v $name >/dev/null || echo $name; done; id -un", timeout=20
        )
        assert result.output == "agent\n"
        assert sandbox.run("python3 -m venv /tmp/v && /tmp/v/bin/pip --version", timeout=60).exit_code == 0
        assert sandbox.run("find / -xdev -perm /6000 -type f 2>/dev/null", timeout=60).output == ""
        assert (
            sandbox.run("cat /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/apt/auth.conf", timeout=10).exit_code
            == 1
        )
    finally:
        sandbox.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="the script changes owners, as builds do")
def test_the_customization_may_run_twice(home: Path) -> None:
    """Accounts are added once, and package sources with their credentials are gone."""
    for folder in ("etc/apt/sources.list.d", "var/lib/apt/lists"):
        (home / folder).mkdir(parents=True)
    for name in ("passwd", "group", "apt/auth.conf", "apt/sources.list.d/private.sources"):
        (home / "etc" / name).touch()
    for _ in range(2):
        subprocess.run(["sh", "-c", image.customization(), "sh", str(home)], check=True)
    assert (home / "etc/passwd").read_text().count("agent:x:10001:10001:") == 1
    assert (home / "workspace").stat().st_uid == 10001
    assert list((home / "etc/apt").rglob("*.sources")) == []
    assert not (home / "etc/apt/auth.conf").exists()


@pytest.mark.skipif(not any(Path(path).is_file() for path in image.SOURCES), reason="needs a machine with apt")
def test_the_bootstrap_uses_the_machines_own_sources(home: Path) -> None:
    """No mirror is named; the lists of this machine are handed over."""
    command = image.bootstrap_command(home / "root.tar")
    assert command[0] == "mmdebstrap"
    assert set(command[command.index(str(home / "root.tar")) + 1 :]) <= set(image.SOURCES)
    assert not any("://" in argument for argument in command)


def test_an_engine_that_is_not_there_is_told() -> None:
    """Building for podman without podman names the next step."""
    if Path("/run/podman/podman.sock").exists():
        pytest.skip("podman is here")
    with pytest.raises(SandboxError, match="No podman engine"):
        image.build("podman", "", None, print)
