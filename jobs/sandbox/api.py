"""The API that docker and podman speak: a client of the engine on this machine, and its errors in words."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from jobs.sandbox import seccomp
from jobs.sandbox.places import engine_socket
from jobs.types import SandboxAway, SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import APIClient

DEFAULT_IMAGE = "opus67-sandbox:latest"
DEFAULT_REGISTRY = "docker.io"
API_TIMEOUT = 60
PRELOAD_TIMEOUT = 2
REASON_LIMIT = 400
AWAY_SECONDS = 10.0
"""When an engine that does not answer is asked again; the breaker makes it longer."""
FULL = "no space left on device"
REMOVAL_PAUSES = (0.1, 0.3, 1.0, 3.0)
VERSIONS: dict[str, str] = {}
"""The API's version by the engine's socket: to ask for it again takes longer than most answers."""


@contextlib.contextmanager
def engine_errors(provider: str, image: str = DEFAULT_IMAGE) -> Iterator[None]:
    """Turn what docker-py raises into ``SandboxError`` with the next step; ``image`` is what may be missing.

    It is ``SandboxAway`` where no sandbox could start now: the engine does not answer, lacks its image, has no room.
    """
    import docker.errors  # noqa: PLC0415 - heavy, and only where an engine is used
    import requests.exceptions  # noqa: PLC0415 - as above

    try:
        yield
    except docker.errors.ImageNotFound as error:
        raise SandboxAway(_missing(provider, image), AWAY_SECONDS) from error
    except docker.errors.APIError as error:
        if FULL in reason(error):
            words = f"The disk of {provider} is full. Make room on it, for example with {provider} system prune"
            raise SandboxAway(words, AWAY_SECONDS) from error
        raise SandboxError(f"{provider} refused to do it: {reason(error)}. See what it says: opus67 doctor") from error
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
        words = f"{provider} does not answer: {error}. Start it, then run: opus67 doctor"
        raise SandboxAway(words, AWAY_SECONDS) from error


def _missing(provider: str, image: str) -> str:
    build = f"opus67 sandbox build --engine {provider}"
    if image == DEFAULT_IMAGE:
        return f"{provider} does not have the sandbox image {image}. Build it: {build}"
    return (
        f"{provider} does not have the image {image}. Fetch it on the bot's machine: {pull_command(provider, image)} "
        f"(or build one of that name: {build} --tag {image})"
    )


def pull_command(provider: str, image: str) -> str:
    """Return the command that fetches an image; podman wants the registry named that docker takes for granted."""
    if provider == "podman" and not names_registry(image):
        image = f"{DEFAULT_REGISTRY}/{image}" if "/" in image else f"{DEFAULT_REGISTRY}/library/{image}"
    return f"{provider} pull {image}"


def names_registry(image: str) -> bool:
    """Tell whether an image's name begins with a registry's."""
    first, slash, _ = image.partition("/")
    return bool(slash) and (first == "localhost" or "." in first or ":" in first)


def reason(error: Any) -> str:
    """Return what an engine said, short enough for a comment: it may quote all that it was given."""
    said = " ".join(str(error.explanation or error).split()).rstrip(".")
    return said if len(said) <= REASON_LIMIT else f"{said[: REASON_LIMIT // 2]} … {said[-REASON_LIMIT // 2 :]}"


def client(provider: str, timeout: int = API_TIMEOUT) -> APIClient:
    """Return a client of the local engine, whose answers may take so many seconds; raises ``SandboxError``."""
    from docker import APIClient  # noqa: PLC0415 - heavy, and only where an engine is used

    path = engine_socket(provider)
    if not path:
        words = f"No {provider} engine answers on this machine. Start it, then run: opus67 doctor"
        raise SandboxAway(words, AWAY_SECONDS)
    with engine_errors(provider):
        found = APIClient(base_url=f"unix://{path}", timeout=timeout, version=VERSIONS.get(path, "auto"))
    VERSIONS[path] = found.api_version
    return found


def has_image(provider: str, image: str, timeout: int = API_TIMEOUT) -> bool:
    """Tell whether the engine has an image, so that nothing would have to be built first."""
    engine = client(provider, timeout)
    try:
        with engine_errors(provider):
            return bool(engine.images(name=image))
    finally:
        engine.close()


def preload(provider: str) -> None:
    """Make what a start needs, and ask the engine one thing: a worker that did it first would have 1 MB for itself."""
    seccomp.profile()
    with contextlib.suppress(SandboxError):
        has_image(provider, DEFAULT_IMAGE, PRELOAD_TIMEOUT)


def remove_container(engine: APIClient, container: str) -> None:
    """Remove a container, whatever it does; podman refuses while one is just coming to its end."""
    import docker.errors  # noqa: PLC0415 - heavy, and only where an engine is used

    last = len(REMOVAL_PAUSES) - 1
    for attempt, pause in enumerate(REMOVAL_PAUSES):
        try:
            engine.remove_container(container, force=True, v=True)
        except docker.errors.NotFound:
            return
        except docker.errors.APIError as error:
            if "already in progress" in reason(error):
                return
            if "state improper" not in reason(error) or attempt == last:
                raise
            time.sleep(pause)
        else:
            return
