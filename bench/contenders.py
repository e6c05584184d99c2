"""The receivers that are measured: ours, probot, the usual Flask with RQ, and one that shows the sender's ceiling."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory import family, pss
from throwaway import opus67, settings

from bot import embedded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache" / "bench"
RECEIVERS = ROOT / "bench" / "receivers"
PROBOT = "probot@14"
GUNICORN = "gunicorn"
READY_SECONDS = 30.0
POSTGRESQL = "ours, PostgreSQL"
OURS, PROBOT_NAME, USUAL, CEILING = "ours, SQLite", "probot 14", "Flask + gunicorn + RQ", "sender's ceiling"


@dataclass(frozen=True, slots=True)
class Contender:
    """One receiver that runs, and what it took to come up."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    ready: float

    def memory(self) -> float:
        """Return the proportional set size of all its processes, in MB."""
        return sum(pss(pid) for pid in family(self.process.pid))


class Missing(Exception):
    """What a contender needs is not on this machine, and why."""


@contextmanager
def contenders(home: Path, names: Sequence[str]) -> Iterator[list[Contender]]:
    """Start the receivers that are named and can be started, and stop them afterwards."""
    with ExitStack() as stack:
        valkey = stack.enter_context(_valkey(home))
        started = []
        for number, name in enumerate(names):
            folder = home / str(number)
            folder.mkdir()
            try:
                started.append(_START[name](stack, folder, {**settings(folder), "REDIS_URL": valkey}))
            except Missing as reason:
                print(f"Left out: {name}, because {reason}\n")
        yield started


def _ours(stack: ExitStack, home: Path, environment: dict[str, str], name: str = OURS) -> Contender:
    with opus67("migrate", environment=environment, home=home) as migrate:
        if migrate.wait(60):
            raise SystemExit((home / "log").read_text(errors="replace"))
    began = time.monotonic()
    process = stack.enter_context(opus67("web", environment=environment, home=home))
    return _ready(name, int(environment["PORT"]), process, began)


def _ours_on_postgresql(stack: ExitStack, home: Path, environment: dict[str, str]) -> Contender:
    url = stack.enter_context(postgresql(home))
    return _ours(stack, home, {**environment, "DATABASE_URL": url}, POSTGRESQL)


def _probot(stack: ExitStack, home: Path, environment: dict[str, str]) -> Contender:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        raise Missing("node and npm are not installed (apt-get install nodejs npm).")
    folder = CACHE / "probot"
    if not (folder / "node_modules" / "probot").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _fetch([npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--loglevel=error", PROBOT])
    # Nothing of ours but this: with a REDIS_URL it would want to share its limits through Redis.
    own = {
        "PATH": environment["PATH"],
        "PORT": environment["PORT"],
        "GITHUB_WEBHOOK_SECRET": environment["GITHUB_WEBHOOK_SECRET"],
        "PROBOT_FOLDER": str(folder),
        "APP_ID": "67",
        "PRIVATE_KEY": environment["GITHUB_PRIVATE_KEY"],
        "NODE_ENV": "production",
    }
    return _start(stack, home, PROBOT_NAME, [node, str(RECEIVERS / "probot.mjs")], own)


def _usual(stack: ExitStack, home: Path, environment: dict[str, str]) -> Contender:
    folder = CACHE / "python"
    if not (folder / "gunicorn").exists():
        _fetch([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), GUNICORN])
    command = [sys.executable, "-m", "gunicorn", "--chdir", str(RECEIVERS), "--workers", "2", "--threads", "16"]
    command += ["--bind", f"127.0.0.1:{environment['PORT']}", "--log-level", "error", "usual:app"]
    return _start(stack, home, USUAL, command, {**environment, "PYTHONPATH": str(folder)})


def _ceiling(stack: ExitStack, home: Path, environment: dict[str, str]) -> Contender:
    command = [sys.executable, str(RECEIVERS / "constant.py"), environment["PORT"]]
    return _start(stack, home, CEILING, command, environment)


def _start(
    stack: ExitStack, home: Path, name: str, command: Sequence[str], environment: Mapping[str, str]
) -> Contender:
    secret = {"WEBHOOK_SECRET": environment["GITHUB_WEBHOOK_SECRET"]}
    began = time.monotonic()
    with (home / "log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=home, env={**environment, **secret}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    stack.callback(_stop, process)
    try:
        return _ready(name, int(environment["PORT"]), process, began)
    except SystemExit:
        raise Missing(f"it did not come up: {(home / 'log').read_text(errors='replace')[-1000:]}") from None


def _ready(name: str, port: int, process: subprocess.Popen[bytes], began: float) -> Contender:
    while time.monotonic() < began + READY_SECONDS and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
            return Contender(name, port, process, time.monotonic() - began)
        time.sleep(0.005)
    raise SystemExit(f"{name} did not come up.")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(12)
    except subprocess.TimeoutExpired:
        process.kill()


def _fetch(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"it could not be fetched: {done.stderr.strip()[-300:]}")


@contextmanager
def _valkey(home: Path) -> Iterator[str]:
    """Run the Valkey that comes with the product, as `opus67 up` does, and yield its URL."""
    valkey = embedded.prepare(home)
    process = subprocess.Popen(valkey.command)
    try:
        while not valkey.ready():
            if process.poll() is not None:
                raise SystemExit(valkey.troubles())
            time.sleep(0.01)
        yield valkey.url
    finally:
        _stop(process)


@contextmanager
def postgresql(home: Path) -> Iterator[str]:
    """Run a PostgreSQL of its own with the settings that it ships with, durable ones, and yield its URL."""
    found = shutil.which("initdb") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), "")
    if not found:
        raise Missing("PostgreSQL's server is not installed (apt-get install postgresql).")
    programs, folder = Path(found).resolve().parent, home / "postgresql"
    folder.mkdir()
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:
        names = {entry.pw_name for entry in pwd.getpwall()}
        account = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
        os.chown(folder, account.pw_uid, account.pw_gid)
        for above in (home, home.parent):
            above.chmod(0o711)
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def call(*command: str) -> None:
        subprocess.run(command, cwd=folder, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **identity)

    data, control = folder / "data", [str(programs / "pg_ctl"), "-w", "-D", str(folder / "data")]
    call(str(programs / "initdb"), "-D", str(data), "-U", "opus67", "-A", "trust", "-E", "UTF8")
    call(*control, "-l", str(folder / "log"), "-o", f"-c listen_addresses='' -k {folder}", "start")
    try:
        yield f"postgresql://opus67@/postgres?host={folder}"
    finally:
        call(*control, "-m", "immediate", "stop")


_START = {
    OURS: _ours,
    POSTGRESQL: _ours_on_postgresql,
    PROBOT_NAME: _probot,
    USUAL: _usual,
    CEILING: _ceiling,
}
EVERYBODY = tuple(_START)
