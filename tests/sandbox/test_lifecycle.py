"""The life of a sandbox: found again, swept, ended at its deadline, refused in words."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs import sandbox
from jobs.sandbox.api import DEFAULT_IMAGE, pull_command
from jobs.types import SandboxError
from tests.sandbox.places import ensure_image, spec_for, start
from tests.waiting import until

ROOT = Path(__file__).parents[2]


def test_a_container_outlives_its_worker_and_is_taken_up(engine: str, home: Path) -> None:
    """The next attempt finds workspace and name; what still ran is ended, and the shell is new."""
    first = start(engine, home, name="kept")
    try:
        first.write("/workspace/work", b"done so far")
        first.run("x=1; nohup sleep 400 >/dev/null 2>&1 &", timeout=10, session=True)
    finally:
        first.detach()
    second = start(engine, home, name="kept")
    try:
        assert second.resumed
        assert second.read("/workspace/work", limit=100) == b"done so far"
        assert second.run("pgrep -x sleep -u 10001", timeout=10).exit_code == 1
        assert second.run("echo [$x]", timeout=10, session=True).output == "[]\n"
        assert not (home / "run" / "nothing").exists()
    finally:
        second.close()
    third = start(engine, home, name="kept")
    third.close()
    assert not third.resumed
    assert not (home / "run" / "kept").exists()


def test_a_second_worker_takes_the_sandbox_from_the_first(engine: str, home: Path) -> None:
    """A worker that lost its lease can neither go on inside nor end what another took up."""
    first = start(engine, home, name="fenced")
    second = start(engine, home, name="fenced")
    try:
        assert second.resumed
        with pytest.raises(SandboxError, match="Another worker"):
            first.run("echo stale", timeout=10)
        first.close()
        assert second.run("echo mine", timeout=10).output == "mine\n"
    finally:
        first.close()
        second.close()


def test_a_deadline_ends_the_sandbox_from_inside(provider: str, home: Path) -> None:
    """Nobody outside needs to be alive for it; the next command says why it is over."""
    place = start(provider, home, deadline=time.time() + 4)
    try:
        with pytest.raises(SandboxError, match="its time was over"):
            place.run("sleep 30", timeout=40)
    finally:
        place.close()


def test_a_deadline_in_the_past_is_refused(provider: str, home: Path) -> None:
    """No sandbox is started for a run without time."""
    with pytest.raises(SandboxError, match="time for"):
        start(provider, home, deadline=time.time() - 1)
    assert not list((home / "run").glob("*/proxy.sock"))


def test_a_sweep_removes_the_orphaned_and_the_expired(engine: str, home: Path) -> None:
    """What ``alive`` denies goes, what it confirms stays, another installation's containers are not touched."""
    keep, drop = start(engine, home, name="keep"), start(engine, home, name="drop")
    try:
        assert sandbox.sweep(engine, home / "elsewhere", time.time(), lambda _name: False) == []
        assert sandbox.sweep(engine, home, time.time(), lambda name: name == "keep") == ["drop"]
        assert keep.run("echo alive", timeout=10).output == "alive\n"
        with pytest.raises(SandboxError, match="removed"):
            drop.run("true", timeout=10)
        assert sandbox.sweep(engine, home, time.time() + 1000, lambda _name: True) == ["keep"]
    finally:
        keep.close()
        drop.close()


def test_a_sweep_removes_old_folders_only(home: Path) -> None:
    """A folder that was left long ago goes, that of a start under way stays."""
    for name in ("old", "new", "alive"):
        (home / "run" / name).mkdir(parents=True)
        (home / "run" / name / "__main__.py").touch()
    for name in ("old", "alive"):
        os.utime(home / "run" / name, (1, 1))
    assert sandbox.sweep("bubblewrap", home, time.time(), lambda name: name == "alive") == ["old"]
    assert sorted(path.name for path in (home / "run").iterdir()) == ["alive", "new"]


def test_a_missing_image_names_the_commands_that_bring_it(engine: str, home: Path) -> None:
    """The error is for people, and names the image and the engine."""
    with pytest.raises(
        SandboxError, match=rf"{engine} pull \S*opus67-no-such-image:1 .*opus67 sandbox build --engine {engine}"
    ):
        start(engine, home, image="opus67-no-such-image:1")


def test_an_image_that_cannot_be_had_is_told_before_a_start(engine: str) -> None:
    """The image that is there is no trouble; one that is not is told with the command that fetches it."""
    ensure_image(engine)
    for name in (DEFAULT_IMAGE, DEFAULT_IMAGE.partition(":")[0]):
        assert sandbox.why_not(engine, name) == ""
    for name in ("sandbox:latest", "opus67-sandbox:other", "opus67-sand", "registry.example.com/team/tools:1"):
        assert f"{engine} pull " in sandbox.why_not(engine, name), name
    assert "has no images" in sandbox.why_not("bubblewrap", DEFAULT_IMAGE)


@pytest.mark.parametrize(
    ("image", "fetched"),
    [
        ("debian:12", "docker.io/library/debian:12"),
        ("team/tools", "docker.io/team/tools"),
        ("registry.example.com/team/tools:1", "registry.example.com/team/tools:1"),
        ("localhost/tools", "localhost/tools"),
        ("host:5000/tools", "host:5000/tools"),
    ],
)
def test_podman_is_told_the_registry_that_docker_takes_for_granted(image: str, fetched: str) -> None:
    """A short name that podman cannot place would be refused."""
    assert pull_command("podman", image) == f"podman pull {fetched}"
    assert pull_command("docker", image) == f"docker pull {image}"


@pytest.mark.docker
def test_what_an_engine_says_is_short_in_an_error(home: Path) -> None:
    """An engine may quote all that it was given; the error goes into a comment."""
    with pytest.raises(SandboxError, match="refused to do it") as caught:
        start("docker", home, image="x" * 3000 + "/y")
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("name", ["../up", "", "a/b", "-flag", "x" * 200, "a b"])
def test_names_that_could_leave_the_folder_are_refused(provider: str, home: Path, name: str) -> None:
    """A name becomes a folder and a container, so it is held to a pattern."""
    with pytest.raises(SandboxError, match="cannot name a sandbox"):
        sandbox.start(provider, spec_for(name=name), home)


def test_the_mirror_is_there_and_read_only(provider: str, home: Path) -> None:
    """The sandbox reads the repository's mirror at /mirror and cannot change it."""
    mirror = home / "mirror"
    mirror.mkdir()
    (mirror / "HEAD").write_text("ref: refs/heads/main\n")
    # Only the mount protects it: whoever the sandbox runs as could write here.
    mirror.chmod(0o777)
    (mirror / "HEAD").chmod(0o666)
    place = start(provider, home, mirror=str(mirror))
    try:
        assert place.run("cat /mirror/HEAD", timeout=10).output == "ref: refs/heads/main\n"
        assert place.run("echo x > /mirror/HEAD || touch /mirror/new || rm /mirror/HEAD", timeout=10).exit_code != 0
    finally:
        place.close()
    assert (mirror / "HEAD").read_text() == "ref: refs/heads/main\n"


@pytest.mark.bubblewrap
def test_a_bubblewrap_sandbox_dies_with_its_worker(home: Path) -> None:
    """A worker that is killed leaves no process behind."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom jobs import sandbox\nfrom jobs.types import SandboxSpec\n"
        "spec = SandboxSpec('orphan', time.time() + 200, disk_mb=64)\n"
        "place = sandbox.start('bubblewrap', spec, Path(sys.argv[1]))\n"
        "print('ready', flush=True)\nplace.run('sleep 54321', timeout=100)\n"
    )
    command = [sys.executable, "-c", code, str(home)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as worker:
        assert worker.stdout
        assert worker.stdout.readline() == b"ready\n"
        until(lambda: running("sleep 54321"), what="the command")
        worker.kill()
    until(lambda: not running("sleep 54321"), what="the end of the command")


def running(command: str) -> bool:
    """Tell whether a process with this command line is alive on the host."""
    wanted = command.replace(" ", "\0").encode() + b"\0"
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes() == wanted:
                return True
        except OSError:
            continue
    return False


def test_the_doctor_sees_every_promise_kept(provider: str, home: Path) -> None:
    """All proofs hold on a working machine."""
    lines = sandbox.prove(provider, "", home)
    assert [line for line in lines if not line[1]] == []
    assert len(lines) > 10


def test_the_doctor_tells_a_start_that_fails_in_one_line(engine: str, home: Path) -> None:
    """No traceback, one line with the cure."""
    [(promise, kept, seen)] = sandbox.prove(engine, "opus67-no-such-image:latest", home)
    assert (promise, kept) == ("a sandbox starts", False)
    assert "opus67 sandbox build" in seen


def test_an_unknown_provider_is_refused_with_the_known_ones() -> None:
    """A typing error in OPUS67_SANDBOX is told with what may be there."""
    with pytest.raises(SandboxError, match="docker, podman, bubblewrap"):
        sandbox.detect("dokcer")


def test_a_working_provider_is_detected(provider: str) -> None:
    """The preferred one is taken when it works."""
    assert sandbox.detect(provider) == provider
    assert sandbox.detect() in sandbox.PROVIDERS


def test_the_package_is_light_to_import() -> None:
    """Neither docker-py nor the providers are imported by those who only ask."""
    code = "import sys, jobs.sandbox; sys.exit(any(name in sys.modules for name in ('docker', 'requests', 'jobs.sandbox.engine')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
