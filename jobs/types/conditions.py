"""What stops work: errors that people are shown, and interruptions that are none."""

from __future__ import annotations


class UserError(Exception):
    """Shown to the person as it is: the message names the next step."""


class ModelError(UserError):
    """No model of the chain could answer; the message says what to do."""


class SandboxError(UserError):
    """A sandbox could not be started or was lost; the message says what to do."""


class SandboxFileError(Exception):
    """A file in the sandbox could not be read or written, with the reason in words; a tool tells it to the model."""


class Away(Exception):
    """Something that the work needs cannot be had now and may come back by itself: the task waits for it.

    ``retry_after`` is seconds, ``since`` when it went away, in seconds since the epoch, where that is known;
    ``services`` are the circuits of the breaker that must be tried again before it is worth asking.
    """

    name = ""
    """What is away, in one word, for what is remembered of it."""
    words = ""
    """What is away, as people are told of it."""
    longest_pause = 300.0
    """Seconds between two tries, when nobody asks for more."""

    def __init__(
        self, message: str, retry_after: float = 30.0, *, since: float = 0.0, services: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.retry_after, self.since, self.services = retry_after, since, services


class GitHubUnavailable(Away):
    """GitHub did not answer, or asked us to wait; ``retry_after`` is seconds."""

    name = "github"
    words = "GitHub could not be reached"
    longest_pause = 900.0


class ModelAway(Away):
    """No model of the chain answers now, for a reason that passes; one that does not pass is a ModelError."""

    name = "model"
    words = "No model answers"


class SandboxAway(Away, SandboxError):
    """This machine can start no sandbox now, for a reason that is not the task's; the message says what to do."""

    name = "sandbox"
    words = "No sandbox can be had"


class DiskFull(Away):
    """The disk of OPUS67_HOME has no room left."""

    name = "disk"
    words = "The disk of Opus 67 is full"


class Unrecorded(Exception):
    """Something was not done outside, since the audit could not be told of it first; the database is away."""


class PatchRefused(UserError):
    """The work may not be pushed as it is; the message gives path and rule. The work itself is kept."""


class Interruption(Exception):
    """The work was stopped from outside the model; caught in one place."""


class Cancelled(Interruption):
    """A person or an event asked for the end; the message says who or what."""


class Paused(Interruption):
    """A person asked for a pause; the message says who."""


class LimitReached(Interruption):
    """A limit was reached; the message says which, ``limit`` names it: dollars, tokens, steps, minutes, or nothing."""

    def __init__(self, message: str, limit: str = "") -> None:
        super().__init__(message)
        self.limit = limit


class LoopDetected(Interruption):
    """The same command gave the same output three times, and again after the model was told."""


class NeedsHuman(Interruption):
    """The agent asked a question that only a person can answer; the message is the question."""


class NeedsApproval(Interruption):
    """The agent made its plan, and a person must approve it before the work begins; the message is the plan."""


class Listening(Interruption):
    """The work waits for an event and not for a person; the message is what people are told meanwhile.

    ``event`` is its name, such as ``ci:octo/shop@<sha>``. No worker waits: the task is taken up again when the event
    comes, and after ``seconds`` in any case, since events get lost. ``since`` is when the work looked last, in seconds
    since the epoch: an event that came after that has been missed, and the work goes on at once.
    """

    def __init__(self, message: str, event: str, seconds: float, since: float) -> None:
        super().__init__(message)
        self.event, self.seconds, self.since = event, seconds, since


class LeaseLost(Interruption):
    """Another attempt holds the task now; this one must stop without a word."""


class HandOver(Interruption):
    """The worker was asked to stop; the next attempt takes the run up where it is."""
