"""The image that sandboxes in an engine start from: Debian with git, ripgrep, Python, Node and build tools."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.sandbox.api import DEFAULT_IMAGE, client, engine_errors, names_registry, pull_command
from jobs.types import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable

    from docker import APIClient

DEFAULT_BASE = "debian:bookworm-slim"
SUITE = "bookworm"
PACKAGES = (
    *(
        "bash",
        "ca-certificates",
        "curl",
        "file",
        "git",
        "jq",
        "less",
        "patch",
        "procps",
        "ripgrep",
        "unzip",
        "xz-utils",
    ),
    *("python3", "python3-pip", "python3-venv", "python3-dev", "python3-pytest", "nodejs", "npm"),
    *("build-essential", "pkg-config", "zip"),
)
SOURCES = (
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d/debian.sources",
    "/etc/apt/sources.list.d/ubuntu.sources",
)
ACCOUNTS = {
    "etc/passwd": (
        "agent:x:10001:10001:agent:/home/agent:/bin/bash",
        "keeper:x:10002:10002:keeper:/nonexistent:/usr/sbin/nologin",
    ),
    "etc/group": ("agent:x:10001:", "keeper:x:10002:"),
}
FOLDERS = ("workspace", "mirror", "home/agent", "run/opus67")
CHANGES = ["ENV LANG=C.UTF-8", "WORKDIR /workspace", "LABEL opus67.image=1"]
TIMEOUT = 1800
LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")


def build(engine: str, tag: str, base: str | None, say: Callable[[str], None], *, force: bool = False) -> None:
    """Build the image, from a registry's base or with mmdebstrap; does nothing when the tag exists, unless forced.

    ``engine`` is docker or podman; without ``base`` Debian's is tried first. Raises ``SandboxError``.
    """
    tag = tag or DEFAULT_IMAGE
    api = client(engine)
    try:
        if not force and exists(api, engine, tag):
            say(f"The image {tag} is there already.")
            return
        found = _base(api, engine, base, say)
        # A name without a registry is one of docker's to podman, which would find an older one of its own first.
        name = f"localhost/{tag}" if engine == "podman" and not names_registry(tag) else tag
        if found:
            _build_on(api, engine, name, found, say)
        else:
            _bootstrap(api, engine, name, say)
        if not exists(api, engine, tag):
            raise SandboxError(
                f"{engine} took the image and does not show it as {tag}. See what it has: {engine} images"
            )
        say(f"The image {tag} is ready.")
    finally:
        api.close()


def exists(api: APIClient, engine: str, tag: str) -> bool:
    """Tell whether the engine has an image of this tag."""
    with engine_errors(engine):
        return bool(api.images(name=tag))


def customization() -> str:
    """Return the shell script that makes accounts and folders in the file system that its first argument names.

    Programs lose their set-uid bits, and the package sources go: they may carry credentials of a private mirror.
    """
    lines = ["set -eu"]
    for path, entries in ACCOUNTS.items():
        for entry in entries:
            known = f"grep -q '^{entry.partition(':')[0]}:' \"$1/{path}\""
            lines.append(f"{known} || echo '{entry}' >> \"$1/{path}\"")
    lines += [f'mkdir -p "$1/{folder}"' for folder in FOLDERS]
    lines += [
        'chown 10001:10001 "$1/workspace" "$1/home/agent"',
        'find "$1" -xdev -type f -perm /6000 -exec chmod a-s {} +',
        'rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/* "$1"/etc/apt/auth.conf*',
        'rm -rf "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/var/lib/apt/lists/*',
    ]
    return "\n".join(lines) + "\n"


def bootstrap_command(tar: Path) -> list[str]:
    """Return the mmdebstrap command that makes the file system, from this machine's own package sources."""
    sources = [path for path in SOURCES if Path(path).is_file() and Path(path).stat().st_size]
    if not sources:
        raise SandboxError(
            f"This machine has none of {', '.join(SOURCES)}; name an image with: opus67 sandbox build --base"
        )
    excludes = [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
    hook = f"--customize-hook={customization()}"
    return [
        "mmdebstrap",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        *excludes,
        hook,
        _suite(),
        str(tar),
        *sources,
    ]


def _suite() -> str:
    """Return this machine's release, to which its package sources belong."""
    for line in Path("/etc/os-release").read_text().splitlines():
        name, _, value = line.partition("=")
        if name == "VERSION_CODENAME" and value:
            return value.strip('"')
    return SUITE


def _base(api: APIClient, engine: str, wanted: str | None, say: Callable[[str], None]) -> str:
    """Return the base image to build on, or nothing when none was named and no registry answers."""
    name = wanted or DEFAULT_BASE
    with engine_errors(engine):
        if api.images(name=name):
            return name
    say(f"Fetching {name} from its registry …")
    failure = _pull(api, engine, name)
    if not failure:
        return name
    if wanted:
        raise SandboxError(
            f"The base image {name} could not be fetched. Fetch it yourself: {pull_command(engine, name)}"
        ) from failure
    say("No registry gives it; this machine's own packages are used instead.")
    return ""


def _pull(api: APIClient, engine: str, name: str) -> SandboxError | None:
    """Fetch an image and return what went wrong; podman answers that all is well, and tells the error inside."""
    repository, _, tag = name.rpartition(":") if ":" in name.rpartition("/")[2] else (name, "", "latest")
    try:
        with engine_errors(engine, name):
            api.pull(repository, tag=tag)
        if exists(api, engine, name):
            return None
    except SandboxError as error:
        return error
    return SandboxError(f"{engine} did not fetch {name}")


def _build_on(api: APIClient, engine: str, tag: str, base: str, say: Callable[[str], None]) -> None:
    """Install what is needed on a Debian or Ubuntu base image."""
    say(f"Installing packages on {base} …")
    commands = (
        "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "
        f"{' '.join(PACKAGES)} && rm -rf /var/lib/apt/lists/*"
    )
    context = {
        "Dockerfile": "\n".join(
            (
                f"FROM {base}",
                "USER root",
                f"RUN {commands}",
                "COPY customize /customize",
                "RUN sh /customize / && rm /customize",
                *CHANGES,
            )
        ),
        "customize": customization(),
    }
    with engine_errors(engine):
        for entry in api.build(
            fileobj=_archive(context), custom_context=True, tag=tag, rm=True, decode=True, timeout=TIMEOUT
        ):
            if "error" in entry:
                raise SandboxError(
                    f"The image could not be built: {str(entry['error']).strip()}. Try: opus67 sandbox build --base"
                )


def _archive(files: dict[str, str]) -> Any:
    import tarfile  # noqa: PLC0415 - used by one command

    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content.encode())
            archive.addfile(member, io.BytesIO(content.encode()))
    stream.seek(0)
    return stream


def _bootstrap(api: APIClient, engine: str, tag: str, say: Callable[[str], None]) -> None:
    """Make the file system with mmdebstrap and import it; needs no registry."""
    if shutil.which("mmdebstrap") is None:
        raise SandboxError(
            "No registry answers, and mmdebstrap, which would do without, is not installed. "
            "Run: apt-get install --no-install-recommends mmdebstrap && opus67 sandbox build"
        )
    with tempfile.TemporaryDirectory(prefix="opus67-image-") as folder:
        tar = Path(folder) / "root.tar"
        say(f"Installing {_suite()} with {len(PACKAGES)} packages by mmdebstrap; this takes about a minute …")
        _call(bootstrap_command(tar))
        say(f"Importing {tar.stat().st_size >> 20} MB into {engine} …")
        # The tag goes with the name: podman does not read it where docker's client would put it.
        name = tag if ":" in tag.rpartition("/")[2] else f"{tag}:latest"
        with engine_errors(engine):
            api.import_image_from_file(str(tar), repository=name, changes=CHANGES)


def _call(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SandboxError(
            f"mmdebstrap was not done after {TIMEOUT} seconds; try again: opus67 sandbox build"
        ) from error
    if done.returncode:
        last = " / ".join(done.stderr.strip().splitlines()[-3:])
        raise SandboxError(
            f"mmdebstrap failed: {last}. See what it says: mmdebstrap --variant=minbase {_suite()} /dev/null"
        )
