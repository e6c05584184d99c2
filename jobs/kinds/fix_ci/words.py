"""What people are told of a red run and its mend: short, true, and what happens next. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.kinds.fix_ci.case import SHOWN
from jobs.kinds.fix_ci.deciding import MOST_MENDS, Move, Place
from jobs.kinds.fix_ci.reproducing import Seen
from jobs.text import code, line, plain
from jobs.types import Cause, Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.kinds.fix_ci.case import Case
    from jobs.kinds.fix_ci.diagnosing import Known
    from jobs.kinds.fix_ci.reproducing import Before
    from jobs.types import Check, Diagnosis, Limits

PREFIX = "Mend CI"
FIX = "`/opus fix` on the pull request has it mended."
STOP = (
    f"These failures were mended {MOST_MENDS} times on this branch and are there still, so it is not tried again. "
    "Somebody should look at it who knows the code."
)
NOTHING_TOLD = "The logs tell nothing that one could begin with. The run's page on GitHub may say more."
GREEN_BY_NOW = "CI is green at `{sha}` by now: it was run again. Nothing is left to do."
NO_CI = "There is no failed CI run at `{sha}`."
NOT_HERE = {
    Cause.FLAKY: "Nothing is mended, since this failure comes and goes. It is remembered for this repository.",
    Cause.INFRASTRUCTURE: "Nothing is mended, since the code is not the cause. Run the failed jobs again when the "
    "machinery works.",
    Cause.BASE_RED: "Nothing is mended here: it fails on the base branch, and is to be mended there.",
}
SEEN = {
    Seen.SAME: "",
    Seen.OTHER: " It failed with other words than in CI.",
    Seen.PASSES: " What fails in CI did not fail there.",
    Seen.CANNOT: " It could not be run in the sandbox, which lacks something that CI has, so the mend is not shown "
    "there.",
}


def title(of_agent: str) -> str:
    """Return the title of a mend."""
    shown = " ".join(of_agent.split())
    return shown if shown.lower().startswith(PREFIX.lower()) else f"{PREFIX}: {shown}"


def evidence(found: Diagnosis, before: Before, after: Sequence[Check]) -> str:
    """Return the paragraph that names the failing run, linked in the diagnosis, and its command before and after."""
    workflow = code(found.workflow or "CI", 100)
    parts = [f"The red run: {workflow}."]
    if not before.checks:
        return parts[0]
    check = before.checks[0]
    parts.append(f"Before, in a fresh checkout: {_shown(check)}.{SEEN.get(before.seen, '')}")
    now = next((one for one in after if one.command == check.command), None)
    parts += [f"After: {_shown(now)}."] if now is not None else []
    return " ".join(parts)


def _shown(check: Check) -> str:
    counts = ((check.passed, "passed"), (check.failed, "failed"))
    told = ", ".join(f"{number} {name}" for number, name in counts if number)
    return f"{code(check.command, 200)} ended with exit code {check.exit_code}{f' ({told})' if told else ''}"


def ending(move: Move, known: Known, case: Case, mode: Mode) -> str:
    """Return why a run is told of and nothing else is done."""
    if move is Move.STOP:
        return STOP
    if case.place is Place.FORK:
        return "This is the CI of a fork, where the bot changes nothing: it only tells what it sees."
    if known.diagnosis.cause in NOT_HERE:
        return NOT_HERE[known.diagnosis.cause]
    if not known.told:
        return NOTHING_TOLD
    if mode is Mode.CONSERVATIVE and case.place is Place.OTHER:
        return f"In mode conservative somebody else's pull request is only looked at. {FIX}"
    return "Nothing else is done about it."


def proposal(known: Known, case: Case, limits: Limits, *, suggest: bool) -> str:
    """Return what would be done, for people to approve."""
    found = known.diagnosis
    how = f"run {code(found.command, 200)} in a sealed checkout" if found.command else "run the checks in a checkout"
    where = _where(case, suggest=suggest)
    return (
        f"CI is red at {code(case.sha[:SHOWN])} on {code(case.branch, 100)}. With your approval the bot would {how}, "
        f"let an agent mend what fails, run it again to show that it passes, and {where}. "
        f"It may cost up to ${limits.dollars:.2f}; nothing has been spent so far."
    )


def _where(case: Case, *, suggest: bool) -> str:
    if suggest:
        return "offer the change as suggestions on the pull request, or as a patch; it pushes nothing there"
    if case.place is Place.OWN:
        return f"push the change to {code(case.branch, 100)}"
    return f"open a draft pull request against {code(case.branch, 100)}"


def rejected(heard: Sequence[tuple[int, str, str]]) -> str:
    """Return the ending after people said no."""
    speaker, text = heard[-1][1], " ".join(plain(heard[-1][2]).split())
    said = f": {line(text, 300)}" if text else "."
    return f"Not mended, as {code(speaker, 60)} wanted{said}"


def revert_title(of_culprit: str) -> str:
    """Return the title of the pull request that takes a commit back."""
    return f'Revert "{" ".join(plain(of_culprit).split())}"'


def passed_again(known: Known) -> str:
    """Return the ending when the failed jobs were green at another go."""
    if known.diagnosis.cause is Cause.INFRASTRUCTURE:
        return "The failed jobs were green when they were run again: the machinery had failed, not the code."
    return "The failed jobs were green when they were run again, so nothing is mended. The failure is remembered."


def base_is_red(branch: str, task_id: str) -> str:
    """Return the ending of a pull request's task whose base is red."""
    return (
        f"It fails on {code(branch, 100)} in the same way, so it is mended there and not here: task `{task_id}` sees "
        "to it. Bring this branch up to date when that is merged."
    )


def no_mend_of_base(branch: str) -> str:
    """Return the ending when the pull request is itself the mend of its base."""
    return (
        f"This pull request is to mend {code(branch, 100)}, and it fails with the same failure: the mend does not "
        "reach it. It is not tried again; comment what should be different, or go on with the branch."
    )


def moved(branch: str, commit: str) -> str:
    """Return the ending when the branch moved between looking and working."""
    return (
        f"{code(branch, 100)} has moved on to {code(commit[:SHOWN])} meanwhile. The newer commit has a CI run of its "
        "own; if that is red, it is looked at by itself."
    )
