"""The service of this machine: commands are carried out in this process, by the operator who sits at it."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from bot import embedded
from bot.commands import ENTRIES, Who
from bot.grammar import read
from bot.heard import Heard
from bot.shell.database import check_database, first_line
from bot.shell.exits import Exit
from bot.shell.failure import Failure
from bot.shell.operator import user_name
from bot.shell.state import state_of
from config.errors import SettingsError
from config.settings import problems
from jobs.answer.parts import Say, refused
from jobs.services import Services
from jobs.store import Store
from jobs.types import GitHubUnavailable, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.shell.state import State
    from config.settings import Settings
    from jobs.answer.parts import Answer

ELSEWHERE = "When the service runs on another machine, OPUS67_URL and OPUS67_TOKEN are all that is needed."
ASLEEP = "Nothing works on it yet: `opus67 up` does not run here. It goes on when it does."


@dataclass
class Here:
    """The database and GitHub, spoken to directly."""

    services: Services
    awake: bool
    """Whether there is a Redis by which workers can be woken."""

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open the installation of this machine; raises what is missing, in words."""
        if missing := problems(settings):
            raise Failure(f"{SettingsError(missing)}\n{ELSEWHERE}", Exit.USAGE)
        check_database(settings)
        # What a worker is told in a log is no business of somebody's terminal.
        logging.getLogger().addHandler(logging.NullHandler())
        url = settings.redis_url or embedded.running_url(settings.home)
        nowhere = f"unix://{settings.home.resolve() / 'valkey' / 'valkey.sock'}"
        return cls(Services(replace(settings, redis_url=url or nowhere), Store.of(settings)), bool(url))

    def tell(self, words: str, options: Mapping[str, str]) -> Answer:
        """Carry a command out as the operator, and say where nobody will work on it now."""
        from bot.conversation import carry_out  # noqa: PLC0415 - a missing setting is told without it

        name = user_name()
        heard = Heard("cli", f"cli-{uuid.uuid4().hex}", name, name, words, options=dict(options))
        try:
            answer = carry_out(self.services, heard)
        except self.services.store.UNAVAILABLE as error:
            raise Failure(f"The database cannot be reached: {first_line(error)}.", Exit.UNREACHABLE) from error
        except UserError as error:
            if isinstance(error.__cause__, GitHubUnavailable):
                raise Failure(str(error), Exit.UNREACHABLE) from error
            return refused(str(error))
        work = ENTRIES[read(words).name].who is Who.WORK
        if answer.ok and answer.task_id and work and not self.awake:
            return replace(answer, parts=(*answer.parts, Say(ASLEEP)))
        return answer

    def state(self, task_id: str) -> State:
        """Read a task from the database."""
        try:
            return state_of(self.services, task_id)
        except self.services.store.UNAVAILABLE as error:
            raise Failure(f"The database cannot be reached: {first_line(error)}.", Exit.UNREACHABLE) from error

    def close(self) -> None:
        """Close what was opened."""
        self.services.close()
