"""What a trigger understood from an event: the small vocabulary between hearing and acting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.commands import Command
    from bot.events import Event, Run
    from jobs.types import Subject


@dataclass(frozen=True, slots=True)
class Start:
    """Somebody asked for work on a subject; ``label`` is the label by which, empty for another way."""

    subject: Subject
    label: str = ""
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """The reason for the work is gone; ``label`` is the label that was taken off, empty for another reason."""

    subject: Subject
    words: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Edited:
    """The text of a subject was changed."""

    subject: Subject


@dataclass(frozen=True, slots=True)
class Told:
    """A person told the bot commands, in a comment or by a button."""

    subject: Subject
    commands: tuple[Command, ...]
    comment_id: int = 0


@dataclass(frozen=True, slots=True)
class Pressed:
    """A person pressed a button of a task's check run."""

    task_id: str
    button: str


@dataclass(frozen=True, slots=True)
class InstallationChanged:
    """The App was installed, removed, suspended, or its list of repositories changed."""

    installation_id: int
    account: str
    gone: str = ""
    """Why the installation is not to be used any more, in words; empty while it is."""
    removed: bool = False
    added_repositories: tuple[str, ...] = ()
    removed_repositories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CiEnded:
    """CI came to its end for a commit; ``source`` is ``actions``, ``checks`` (another App) or ``report``."""

    source: str
    run: Run


@dataclass(frozen=True, slots=True)
class ReviewWanted:
    """A pull request was opened, marked as ready, or changed: it can be reviewed."""

    number: int


@dataclass(frozen=True, slots=True)
class PullClosed:
    """A pull request was merged or closed; ``words`` say by whom."""

    number: int
    words: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """A branch stands at another commit than before; ``sha`` is empty where it was deleted."""

    branch: str
    sha: str


@dataclass(frozen=True, slots=True)
class ReviewGiven:
    """Somebody reviewed a pull request, or wrote a comment on its lines."""

    number: int
    review: int


@dataclass(frozen=True, slots=True)
class BaseMoved:
    """A branch that pull requests of ours may be meant for has moved a while ago."""

    branch: str


Ask = (
    Start
    | End
    | Edited
    | Told
    | Pressed
    | InstallationChanged
    | CiEnded
    | ReviewWanted
    | PullClosed
    | Pushed
    | ReviewGiven
    | BaseMoved
)
Handler = Callable[["Event"], "list[Ask]"]


@dataclass(slots=True)
class Router:
    """The (event, action) pairs that one trigger module wants, each with its pure handler."""

    handlers: dict[tuple[str, str], list[Handler]] = field(default_factory=dict)

    def on(self, event: str, *actions: str) -> Callable[[Handler], Handler]:
        """Register a handler for an event's actions."""

        def register(handler: Handler) -> Handler:
            for action in actions:
                self.handlers.setdefault((event, action), []).append(handler)
            return handler

        return register
