"""How a sandbox is made, held to the policy as a whole; what its image keeps; what the page about security says of it."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest

from jobs.sandbox import image
from jobs.sandbox.api import DEFAULT_IMAGE, client
from jobs.sandbox.seccomp import profile
from tests.conftest import short_folder
from tests.hostile.probes import TABLE
from tests.house.sources import ROOT
from tests.sandbox.places import ensure_image, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import APIClient

CANARY = "canary-of-the-build-3e81"
TMPFS = "rw,exec,nosuid,nodev,size={0}m,nr_inodes={1},uid=10001,gid=10001,mode=0755"
HOST_CONFIG: dict[str, Any] = {
    "CapDrop": ["ALL"],
    "CgroupnsMode": "private",
    "Dns": ["127.0.0.1"],
    "DnsSearch": ["."],
    "Init": True,
    "IpcMode": "private",
    "LogConfig": {"Type": "local", "Config": {"compress": "false", "max-file": "1", "max-size": "5m"}},
    "Memory": 640 << 20,
    "MemorySwap": 640 << 20,
    "Mounts": [
        {"Type": "bind", "Source": "{home}/run/{name}", "Target": "/run/opus67", "ReadOnly": True},
        {"Type": "bind", "Source": "{home}/mirror", "Target": "/mirror", "ReadOnly": True},
    ],
    "NanoCpus": 1_000_000_000,
    "NetworkMode": "none",
    "PidsLimit": 128,
    "ReadonlyRootfs": True,
    "Runtime": "runc",
    "SecurityOpt": ["no-new-privileges", "seccomp={profile}"],
    "ShmSize": 64 << 20,
    "Tmpfs": {
        "/workspace": TMPFS.format(128, 16384),
        "/home/agent": TMPFS.format(32, 8192),
        "/tmp": TMPFS.format(32, 8192),
    },
    "Ulimits": [{"Name": "nofile", "Hard": 4096, "Soft": 4096}, {"Name": "core", "Hard": 0, "Soft": 0}],
}
"""Every field of the engine's HostConfig that a sandbox sets; all others must be empty, those that do not exist yet, too."""
OF_THE_ENGINE = {"MaskedPaths", "ReadonlyPaths", "RestartPolicy", "ConsoleSize", "ContainerIDFile"}
"""Fields that an engine fills by itself; the first three are looked at below."""
MASKED = {"/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi", "/sys/firmware"}
READ_ONLY = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
CONFIG: dict[str, Any] = {
    "AttachStderr": True,
    "AttachStdout": True,
    "Entrypoint": ["timeout", "-s", "KILL", "{seconds}", "sleep", "infinity"],
    "Hostname": "sandbox",
    "Image": DEFAULT_IMAGE,
    "User": "10002:10002",
    "WorkingDir": "/workspace",
}


@pytest.fixture(scope="module")
def inspected() -> Iterator[dict[str, Any]]:
    """Yield what the engine says of a sandbox, with the parts that differ each time under their names."""
    with short_folder("o67-") as home:
        (home / "mirror").mkdir()
        sandbox = start("docker", home, name="policy", mirror=str(home / "mirror"), cpus=1.0)
        api = client("docker")
        try:
            [found] = api.containers(filters={"label": "opus67.task=policy", "volume": str(home / "mirror")})
            text = json.dumps(api.inspect_container(found["Id"]))
            yield json.loads(
                text.replace(str(home.resolve()), "{home}").replace("{home}/run/policy", "{home}/run/{name}")
            )
        finally:
            api.close()
            sandbox.close()


def unfilled(value: Any) -> bool:
    """Tell whether a field is at what it is when nobody sets it."""
    return value in (None, "", 0, False, [], {})


@pytest.mark.docker
def test_a_container_is_made_as_the_policy_says_and_in_no_other_way(inspected: dict[str, Any]) -> None:
    """Literally: a field that is not in the policy must be empty, so that a new permission shows up here."""
    found = inspected["HostConfig"]
    found["SecurityOpt"] = [option.replace(profile(), "{profile}") for option in found["SecurityOpt"]]
    found["Mounts"] = [{key: one for key, one in mount.items() if not unfilled(one)} for mount in found["Mounts"]]
    for name, expected in HOST_CONFIG.items():
        assert found[name] == expected, name
    others = {name: value for name, value in found.items() if name not in HOST_CONFIG and name not in OF_THE_ENGINE}
    assert {name: value for name, value in others.items() if not unfilled(value)} == {}
    assert set(found["MaskedPaths"]) >= MASKED
    assert set(found["ReadonlyPaths"]) >= READ_ONLY
    assert found["RestartPolicy"]["Name"] in {"", "no"}


@pytest.mark.docker
def test_its_process_is_the_keeper_and_its_deadline(inspected: dict[str, Any]) -> None:
    """No environment but a language, no terminal, no stdin; labels tell whose it is, and nothing more."""
    found = inspected["Config"]
    labels, environment = found.pop("Labels"), found.pop("Env")
    assert {entry.partition("=")[0] for entry in environment} <= {"LANG", "PATH"}
    entrypoint = found["Entrypoint"]
    assert 0 < int(entrypoint[3]) <= 240
    entrypoint[3] = "{seconds}"
    expected = {name: value for name, value in found.items() if not unfilled(value)}
    assert expected == CONFIG
    assert set(labels) == {"opus67.task", "opus67.deadline", "opus67.home", "opus67.image"}
    assert labels["opus67.task"] == "policy"


@pytest.mark.docker
def test_what_is_mounted_cannot_be_written_and_passes_nothing_on(inspected: dict[str, Any]) -> None:
    """Both folders of the host are read-only, and mounts that come later stay outside."""
    mounts = {mount["Destination"]: (mount["Type"], mount["RW"], mount["Propagation"]) for mount in inspected["Mounts"]}
    assert mounts == {"/run/opus67": ("bind", False, "rprivate"), "/mirror": ("bind", False, "rprivate")}
    assert not inspected["HostConfig"]["Binds"]
    networks = inspected["NetworkSettings"]
    assert set(networks["Networks"]) == {"none"}
    assert unfilled(networks["Ports"])
    assert unfilled(networks.get("IPAddress"))


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[APIClient, str]]:
    """Yield an engine and an image that was built while the environment was full of secrets."""
    ensure_image("docker")
    for name in ("GITHUB_PRIVATE_KEY", "ANTHROPIC_API_KEY", "http_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://user:{CANARY}@127.0.0.1:9")
    tag = f"opus67-hostile-{os.getpid()}:latest"
    image.build("docker", tag, DEFAULT_IMAGE, print)
    api = client("docker")
    yield api, tag
    api.remove_image(tag, force=True)
    api.close()


@pytest.mark.docker
def test_layers_and_history_of_an_image_hold_no_secret_of_who_built_it(built: tuple[APIClient, str]) -> None:
    """All layers are read, what a later one removed among them; accounts are found there, and the canary is not."""
    api, tag = built
    told = json.dumps([api.history(tag), api.inspect_image(tag)])
    assert "apt-get install" in told
    assert CANARY not in told
    wanted = {CANARY.encode(): False, b"keeper:x:10002:10002": False, b"customize": False}
    kept = b""
    for chunk in api.get_image(tag, chunk_size=8 << 20):
        wanted = {needle: seen or needle in kept + chunk for needle, seen in wanted.items()}
        kept = chunk[-100:]
    assert list(wanted.values()) == [False, True, True]


def test_what_bubblewrap_does_less_well_is_told_word_for_word() -> None:
    """Each weaker answer of the table stands in docs/security.md, and the number of probes is the one that is said there."""
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    told = [probe.bubblewrap.reason for probe in TABLE if probe.bubblewrap and probe.bubblewrap.told]
    assert told
    assert [reason for reason in told if reason not in page] == []
    [number] = re.findall(r"(\d+) probes", page)
    assert 60 <= int(number) <= len(TABLE)
