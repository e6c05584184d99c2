"""The sandbox fixtures, for the hostile tests too, and a container that has no walls, to see probes succeed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.conftest import short_folder
from tests.hostile.probes.shape import ATTEMPTS, task
from tests.sandbox.conftest import engine, fresh, provider, shared
from tests.sandbox.places import ensure_image

if TYPE_CHECKING:
    from collections.abc import Sequence

CAPABILITIES = (
    *("SYS_MODULE", "SYS_RAWIO", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_NICE", "SYS_BOOT", "SYS_TIME"),
    *("SYS_TTY_CONFIG", "SYSLOG", "DAC_READ_SEARCH", "NET_ADMIN"),
)


def without_walls(programs: Sequence[str]) -> list[str]:
    """Try programs as root with nearly all capabilities and no filter, in a container without a network."""
    from docker.types import Mount  # noqa: PLC0415 - heavy, and few tests need it

    from jobs.sandbox.api import DEFAULT_IMAGE, client  # noqa: PLC0415 - as above

    ensure_image("docker")
    api = client("docker")
    with short_folder("o67-") as folder:
        (folder / "attempts.py").write_bytes(ATTEMPTS.read_bytes())
        (folder / "attempts.json").write_bytes(task(programs))
        config = api.create_host_config(
            network_mode="none",
            cap_add=list(CAPABILITIES),
            security_opt=["seccomp=unconfined", "apparmor=unconfined"],
            mounts=[Mount("/probes", str(folder), type="bind", read_only=True)],
            read_only=True,
        )
        command = ["python3", "-ISB", "/probes/attempts.py", "/probes/attempts.json"]
        container = api.create_container(DEFAULT_IMAGE, entrypoint=command, command=[], user="0", host_config=config)
        try:
            api.start(container)
            api.wait(container)
            return [str(line) for line in json.loads(api.logs(container, stderr=False))]
        finally:
            api.remove_container(container, force=True)
            api.close()


__all__ = ["engine", "fresh", "provider", "shared", "without_walls"]
