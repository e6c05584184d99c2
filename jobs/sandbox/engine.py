"""Sandboxes in a container engine: docker, and podman, which speaks the same Engine API."""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING, Any

from jobs.sandbox import seccomp
from jobs.sandbox.api import DEFAULT_IMAGE, client, engine_errors, reason, remove_container
from jobs.sandbox.channel import ChannelLost
from jobs.sandbox.live import LiveSandbox
from jobs.sandbox.places import PROOF_PREFIX, SPARE_PREFIX, remove_folder, run_folder
from jobs.sandbox.stream import StreamTransport
from jobs.types import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from docker import APIClient

    from jobs.sandbox.proxy import Proxy
    from jobs.types import SandboxSpec

TASK_LABEL, DEADLINE_LABEL, HOME_LABEL = "opus67.task", "opus67.deadline", "opus67.home"
USER = "10001:10001"
KEEPER = "10002:10002"
"""Who runs the process that ends the container at its deadline: the agent's user cannot kill it."""
RUNNER_COMMAND = ["python3", "-I", "-S", "-B", "/run/opus67"]
PODMAN_PROCESSES = 8192
"""What all sandboxes together may have, as the kernel counts by user; ``pids`` is what one may have."""
LOG_DRIVERS = {"docker": "local", "podman": "k8s-file"}
PODMAN_FOLDERS = {"/run": "rw,size=1m,mode=0755,notmpcopyup", "/var/tmp": "ro,size=1m,notmpcopyup"}  # noqa: S108 - inside
"""What podman adds to a read-only root, writable and without a size, unless it is told otherwise."""
PRIVATE: dict[str, dict[str, Any]] = {
    "docker": {"cgroupns": "private", "dns": ["127.0.0.1"], "dns_search": ["."]},
    "podman": {},
}
"""What docker would take from the host: the names of its control groups, its resolvers and search domains."""
OUT_OF_MEMORY_CURE = "it ran out of memory; raise its memory or let the commands use less"


def start(provider: str, spec: SandboxSpec, home: Path, make_proxy: Callable[[Path], Proxy]) -> LiveSandbox:
    """Take up the live container of this name, or start a new one."""
    engine = client(provider)
    try:
        place = EnginePlace(provider, engine, spec, home)
        resumed = place.find()
        folder = run_folder(home, spec.name)
        proxy = make_proxy(folder)
    except BaseException:
        engine.close()
        raise
    try:
        if not resumed:
            place.create(folder)
        try:
            return LiveSandbox(spec, place, proxy, resumed=resumed)
        except ChannelLost as lost:
            obituary = place.obituary() or f"its command server did not start: {lost}"
            raise SandboxError(
                f"The sandbox {spec.name} did not start: {obituary}. Its image needs bash, coreutils and "
                "Python 3.9 or newer as python3; see opus67 sandbox build"
            ) from lost
    except BaseException:
        proxy.close()
        place.remove()
        raise


def sweep(provider: str, home: Path, now: float, alive: Callable[[str], bool]) -> list[str]:
    """Remove this home's containers that are past their deadline or denied by ``alive``."""
    engine = client(provider)
    removed = []
    try:
        with engine_errors(provider):
            wanted = {"label": [f"{HOME_LABEL}={home_id(home)}"]}
            for found in engine.containers(all=True, filters=wanted):
                # A spare that a run took has the run's name; its label is that of the spare.
                name = found["Names"][0].removeprefix("/").removeprefix(container_name(home, ""))
                expired = now > deadline_of(found["Labels"])
                known = name.startswith((PROOF_PREFIX, SPARE_PREFIX)) or alive(name)
                if expired or found["State"] in {"exited", "dead"} or not known:
                    remove_container(engine, found["Id"])
                    removed.append(name)
    finally:
        engine.close()
    return removed


def home_id(home: Path) -> str:
    """Return the label that tells this installation's containers from another's on the same engine."""
    return hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:16]


def container_name(home: Path, name: str) -> str:
    """Return what the container of a sandbox is called."""
    return f"opus67-{home_id(home)[:6]}-{name}"


def deadline_of(labels: dict[str, str]) -> float:
    """Return a container's deadline, or 0 when its label is missing or broken."""
    try:
        return float(labels.get(DEADLINE_LABEL, "0"))
    except ValueError:
        return 0.0


class EnginePlace:
    """One container; see ``Place`` in jobs.sandbox.live."""

    reopens = True
    outlives = True

    def __init__(self, provider: str, engine: APIClient, spec: SandboxSpec, home: Path) -> None:
        self.limits: dict[str, int] = {}
        self.container = container_name(home, spec.name)
        self._provider = provider
        self._engine = engine
        self._spec = spec
        self._home = home

    def find(self) -> bool:
        """Tell whether a container of this name lives; removes a dead or expired one."""
        import docker.errors  # noqa: PLC0415 - heavy, and only where an engine is used

        with engine_errors(self._provider):
            try:
                found = self._engine.inspect_container(self.container)
            except docker.errors.NotFound:
                return False
            if found["State"]["Running"] and time.time() < deadline_of(found["Config"]["Labels"] or {}):
                return True
            remove_container(self._engine, self.container)
            return False

    def create(self, folder: Path) -> None:
        """Make and start the container."""
        seconds = int(self._spec.deadline - time.time())
        if seconds <= 0:
            raise SandboxError(f"The time for {self._spec.name} is over; run it again with more minutes.")
        image = self._spec.image or DEFAULT_IMAGE
        with engine_errors(self._provider, image):
            self._engine.create_container(
                image,
                entrypoint=["timeout", "-s", "KILL", str(seconds), "sleep", "infinity"],
                command=[],
                name=self.container,
                hostname="sandbox",
                user=KEEPER,
                working_dir="/workspace",
                labels={
                    TASK_LABEL: self._spec.name,
                    DEADLINE_LABEL: str(int(self._spec.deadline)),
                    HOME_LABEL: home_id(self._home),
                },
                host_config=self._host_config(folder),
            )
            self._engine.start(self.container)
            if self._provider == "podman":
                self._share_folders()

    def _share_folders(self) -> None:
        """Let the agent write to the keeper's folders: runc gives them the modes of the image's, whatever was asked."""
        created = self._engine.exec_create(self.container, ["chmod", "1777", *disks(self._spec)], user=KEEPER)
        said = self._engine.exec_start(created["Id"]).decode("utf-8", "replace")[-300:].strip()
        if self._engine.exec_inspect(created["Id"])["ExitCode"]:
            raise SandboxError(
                f"The agent cannot be let into the folders of {self._spec.name}: {said}. "
                "The image needs coreutils; see opus67 sandbox build"
            )

    def _folders(self) -> dict[str, str]:
        """Return what is mounted over the image."""
        folders = {path: _tmpfs(self._provider, size) for path, size in disks(self._spec).items()}
        return folders | PODMAN_FOLDERS if self._provider == "podman" else folders

    def _host_config(self, folder: Path) -> Any:
        from docker.types import LogConfig, Mount, Ulimit  # noqa: PLC0415 - heavy, and only where an engine is used

        spec = self._spec
        mounts = [Mount("/run/opus67", str(folder.resolve()), type="bind", read_only=True)]
        if spec.mirror:
            mounts.append(Mount("/mirror", os.path.realpath(spec.mirror), type="bind", read_only=True))
        # The files live in memory: what they may take comes on top of what the processes may take.
        memory = (spec.memory_mb + spec.disk_mb) << 20
        return self._engine.create_host_config(
            network_mode="none",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges", f"seccomp={self._seccomp(folder)}"],
            read_only=True,
            tmpfs=self._folders(),
            mounts=mounts,
            ipc_mode="private",
            shm_size=64 << 20,
            pids_limit=spec.pids,
            mem_limit=memory,
            memswap_limit=memory,
            nano_cpus=int(min(spec.cpus, os.cpu_count() or 1) * 1_000_000_000),
            ulimits=[Ulimit(name=name, soft=limit, hard=limit) for name, limit in self._ulimits().items()],
            log_config=LogConfig(type=LOG_DRIVERS[self._provider], config=self._log_options()),
            init=True,
            **PRIVATE[self._provider],
        )

    def _seccomp(self, folder: Path) -> str:
        """Return the profile as this engine takes it: docker the text, podman the path of a file."""
        if self._provider == "docker":
            return seccomp.profile()
        path = folder.resolve() / "seccomp.json"
        path.write_text(seccomp.profile())
        return str(path)

    def _ulimits(self) -> dict[str, int]:
        """Return the limits of each process; podman would ask for more processes than a restricted service may give."""
        limits = {"nofile": 4096, "core": 0}
        return limits | {"nproc": PODMAN_PROCESSES} if self._provider == "podman" else limits

    def _log_options(self) -> dict[str, str]:
        return (
            {"max-size": "5m", "max-file": "1", "compress": "false"}
            if self._provider == "docker"
            else {"max-size": "5m"}
        )

    def open(self) -> StreamTransport:
        """Start a runner in the container and return the stream to it."""
        import docker.errors  # noqa: PLC0415 - heavy, and only where an engine is used

        try:
            with engine_errors(self._provider):
                created = self._engine.exec_create(
                    self.container, RUNNER_COMMAND, stdin=True, stdout=True, stderr=True, user=USER, workdir="/"
                )
                return StreamTransport(self._engine.exec_start(created["Id"], socket=True))
        except SandboxError as error:
            if isinstance(error.__cause__, docker.errors.APIError):
                raise ChannelLost(reason(error.__cause__)) from error
            raise

    def obituary(self) -> str:
        """Return why the container is no more, in words; empty while it runs."""
        import docker.errors  # noqa: PLC0415 - heavy, and only where an engine is used

        with engine_errors(self._provider):
            try:
                state = self._engine.inspect_container(self.container)["State"]
            except docker.errors.NotFound:
                return "its container was removed"
        if state["Running"]:
            return ""
        if state.get("OOMKilled"):
            return OUT_OF_MEMORY_CURE
        if time.time() >= self._spec.deadline - 1:
            return "its time was over"
        return f"its container stopped with exit code {state.get('ExitCode')}"

    def remove(self) -> None:
        """Remove the container and its folder on the host."""
        try:
            with engine_errors(self._provider):
                remove_container(self._engine, self.container)
        finally:
            self.release()
            remove_folder(self._home, self._spec.name)

    def release(self) -> None:
        """Close this worker's connection to the engine."""
        self._engine.close()


def disks(spec: SandboxSpec) -> dict[str, int]:
    """Return the writable folders of a sandbox and their sizes in MB."""
    return {"/workspace": spec.disk_mb, "/home/agent": spec.disk_mb // 4, "/tmp": spec.disk_mb // 4}  # noqa: S108 - inside


def inodes(megabytes: int) -> int:
    """Return how many files a folder of this size may hold: one per 8 KB, as file systems on disks do."""
    return max(megabytes * 128, 8192)


def _tmpfs(provider: str, megabytes: int) -> str:
    """Return the options of a writable folder.

    Podman has none for the number of files; its ``U`` gives the folder to the keeper; it would copy the image's files.
    """
    options = f"rw,exec,nosuid,nodev,size={megabytes}m"
    if provider == "podman":
        return f"{options},U,mode=1777,notmpcopyup"
    return f"{options},nr_inodes={inodes(megabytes)},uid=10001,gid=10001,mode=0755"
