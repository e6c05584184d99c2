"""What a process builds once and passes to everything: the composition root of the workers."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from config.settings import git_environment, secrets
from jobs.breaker import Breaker
from jobs.keys import signing_key
from jobs.owners import new_name
from jobs.queue import Waker
from jobs.scope import Pool
from jobs.store import Store
from jobs.types import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.settings import Settings
    from jobs.github import GitHub
    from jobs.models.chain import Chain
    from jobs.workspace import Mirror

DEFAULT_IMAGE = "opus67-sandbox:latest"


@dataclass
class Services:
    """The parts that work is made of; the slow ones are built when they are first used."""

    settings: Settings
    store: Store
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when this process was asked to stop."""

    @cached_property
    def waker(self) -> Waker:
        """What wakes other workers."""
        return Waker(self.settings.redis_url, signing_key(self.settings))

    @cached_property
    def github(self) -> GitHub:
        """The App on GitHub."""
        from jobs.github import GitHub  # noqa: PLC0415 - slow to import, and a worker needs it once

        settings = self.settings
        return GitHub(
            settings.github_api_url,
            settings.github_server_url,
            settings.github_app_id or 0,
            settings.github_private_key,
            witness=self.store.audit.record,
            secrets=self._secrets,
        )

    @cached_property
    def mirror(self) -> Mirror:
        """The cache of repositories."""
        from jobs.workspace import Mirror  # noqa: PLC0415 - only workers need it

        return Mirror(self.settings.home, self.settings.github_server_url, environment=git_environment())

    @cached_property
    def provider(self) -> str:
        """The sandbox that this machine has; raises SandboxError with the cure where there is none."""
        from jobs.sandbox import detect  # noqa: PLC0415 - only workers need it

        return detect(self.settings.sandbox)

    @cached_property
    def breaker(self) -> Breaker:
        """What keeps work away from models and sandboxes that are known to be away, for all workers together."""
        return Breaker(self.store.records)

    @property
    def sandboxes(self) -> str:
        """The name of the circuit of this machine's sandboxes: another machine has its own engine."""
        return f"sandbox:{socket.gethostname()}"

    @cached_property
    def starter(self) -> Pool:
        """Where sandboxes are started beside other work; a bubblewrap sandbox dies with the thread that started it."""
        return Pool(1, thread_name_prefix="starter")

    @cached_property
    def background(self) -> Pool:
        """Where best effort is done that nobody waits for, such as revoking a token."""
        return Pool(2, thread_name_prefix="background")

    @cached_property
    def warming(self) -> Pool:
        """Where spare sandboxes are made and ended, one after the other."""
        return Pool(1, thread_name_prefix="warming")

    @property
    def redacted(self) -> tuple[str, ...]:
        """The values that must appear nowhere: those of the settings, and the tokens that this process had made."""
        github: GitHub | None = self.__dict__.get("github")
        return (*self._secrets, *(github.minted if github is not None else ()))

    @cached_property
    def _secrets(self) -> tuple[str, ...]:
        return secrets(self.settings)

    @cached_property
    def owner(self) -> str:
        """The name under which this process holds leases."""
        return new_name()

    def model(self, names: Sequence[str]) -> Chain:
        """Build the fallback chain of the named models, or of the operator's."""
        from jobs.models import build  # noqa: PLC0415 - only workers need it

        settings = self.settings
        return build(
            names or settings.models,
            anthropic_api_key=settings.anthropic_api_key,
            anthropic_base_url=settings.anthropic_base_url,
            openai_api_key=settings.openai_api_key,
            openai_base_url=settings.openai_base_url,
            breaker=self.breaker,
        )

    def close(self) -> None:
        """Finish what is under way, and close what is open."""
        for name in ("background", "warming", "starter"):
            if name in self.__dict__:
                getattr(self, name).shutdown(wait=name != "starter", cancel_futures=name == "warming")
        if "github" in self.__dict__:
            self.github.close()
        self.store.close()


def build(settings: Settings) -> Services:
    """Build the services of this process; make new ones after a fork. Raises UserError where a setting is missing."""
    if not settings.redis_url:
        raise UserError(
            "REDIS_URL is not set. `opus67 up` starts an embedded Valkey and sets it; "
            "a process that is started alone needs one, for example REDIS_URL=redis://localhost:6379/0"
        )
    return Services(settings, Store.of(settings))
