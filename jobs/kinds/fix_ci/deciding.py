"""What is done about a diagnosed run: facts in, one of a few steps out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from jobs.types import Cause, Mode

MOST_RERUNS = 2
"""How often the failed jobs of one commit are run again."""
MOST_MENDS = 2
"""How often the same failures of a branch are mended, over all tasks."""


class Place(StrEnum):
    """Whose branch is red."""

    DEFAULT = "default"
    OWN = "own"
    OTHER = "other"
    FORK = "fork"


class Move(StrEnum):
    """What is done next."""

    RERUN = "rerun"
    """Have the failed jobs run again, and wait for their end."""
    TELL = "tell"
    """Say what is known, and end."""
    ASK = "ask"
    """Say what would be done, and wait for a person to approve it."""
    MEND = "mend"
    """Let an agent mend it: on our own pull request's branch, or on a branch of its own with a draft pull request."""
    SUGGEST = "suggest"
    """Let an agent mend it, and offer that as suggestions or as a patch; nothing is pushed."""
    MEND_BASE = "mend_base"
    """See to it that the base branch is worked on, once."""
    STOP = "stop"
    """It was tried often enough."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the decision rests on."""

    cause: Cause
    place: Place
    mode: Mode
    simple: bool = False
    told: bool = True
    """Whether the logs tell anything that an agent could begin with."""
    agreed: bool = False
    """A person asked for the mend, or approved it."""
    doubtful: bool = False
    """The failure is of the sort that may pass when it is run again."""
    reruns: int = 0
    """How often the failed jobs of this commit were run again for us."""
    ran_again: bool = False
    """This round of the task had them run again already."""
    can_rerun: bool = True
    """Whether there is something that we can have run again: other Apps' checks and reports cannot."""
    mends: int = 0
    """How often these failures of this branch were mended before."""
    base_is_ours: bool = True
    """Whether the base branch is the default branch, and that one is to be mended."""


def decide(facts: Facts) -> Move:
    """Choose the next step; nothing is paid for before it is MEND or SUGGEST."""
    if facts.place is Place.FORK or facts.cause is Cause.FLAKY:
        return Move.TELL
    again = facts.can_rerun and not facts.ran_again and facts.reruns < MOST_RERUNS
    if again and (facts.doubtful or facts.cause is Cause.INFRASTRUCTURE):
        return Move.RERUN
    if facts.cause is Cause.BASE_RED and facts.base_is_ours:
        return Move.MEND_BASE
    if facts.cause in {Cause.INFRASTRUCTURE, Cause.BASE_RED} or not facts.told:
        return Move.TELL
    return _paid(facts)


def _paid(facts: Facts) -> Move:
    """Decide about a failure of the code, which only something that costs can mend."""
    if facts.mends >= MOST_MENDS:
        return Move.STOP
    return _elsewhere(facts) if facts.place is Place.OTHER else _here(facts)


def _here(facts: Facts) -> Move:
    """Decide about the default branch and our own pull requests."""
    if facts.agreed or facts.mode is Mode.AGGRESSIVE:
        return Move.MEND
    if facts.mode is Mode.BALANCED and (facts.place is Place.OWN or facts.simple):
        return Move.MEND
    return Move.ASK


def _elsewhere(facts: Facts) -> Move:
    """Decide about somebody's pull request, whose branch is never pushed to."""
    if facts.mode is Mode.AGGRESSIVE:
        return Move.MEND
    if facts.agreed:
        return Move.SUGGEST
    if facts.mode is Mode.CONSERVATIVE:
        return Move.TELL
    return Move.SUGGEST if facts.simple else Move.ASK
