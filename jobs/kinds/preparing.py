"""The first stage: a sandbox with a checkout of the base, to work in, to check in, or to read in."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config import repository as repository_file
from jobs import sandbox as sandboxes
from jobs import warm, workspace
from jobs.budget import BudgetedModel
from jobs.kinds.base import find_base
from jobs.kinds.journal import first_step
from jobs.kinds.rights import insist
from jobs.kinds.tokens import run_token
from jobs.lease import InterruptibleSandbox
from jobs.types import (
    AuditEntry,
    Away,
    HandOver,
    Kind,
    NeedsHuman,
    PatchRefused,
    Paused,
    SandboxAway,
    SandboxError,
    UserError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from config.repository import RepositoryConfig
    from jobs.execute import Attempt
    from jobs.kinds.base import Base
    from jobs.services import Services
    from jobs.types import CommandResult, Model, Sandbox, SandboxSpec

CHECKING = "-check"
"""What the name of the sandbox for the checks has behind the task's."""
READING = "-read"
"""What the name of the sandbox of a run that changes nothing has."""
SETUP_SECONDS = 1800.0
SALVAGE_LIMIT = 40_000
READY = "/home/agent/.opus67-ready"
"""What a sandbox has whose set-up came to its end: the worker that began it may have died in the middle of it."""
READY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Bench:
    """All that the work stands on."""

    base: Base
    sandbox: Sandbox
    notice: str = ""
    """What the agent must know of its workspace when it is not as the transcript left it."""


def budgeted(attempt: Attempt, config: RepositoryConfig, model: Model) -> Model:
    """Have a model stop where the repository's budget of the day ends."""
    return BudgetedModel(model, attempt.services.store, attempt.task.repository, config.limits.day.dollars)


@contextmanager
def bench(attempt: Attempt) -> Iterator[Bench]:
    """Prepare base and sandbox; the sandbox is left to the next attempt when this one only interrupts the work."""
    opened = _open(attempt)
    _remember(attempt, opened.base)
    try:
        yield opened
    except (SandboxAway, *attempt.services.store.UNAVAILABLE):  # The next attempt finds the files where they are.
        opened.sandbox.detach()
        raise
    except (HandOver, Paused, NeedsHuman, Away):
        with suppress(SandboxError, PatchRefused):  # The next attempt then starts from an older checkpoint.
            keep_work(attempt, opened)
        opened.sandbox.detach()
        raise
    except BaseException:
        opened.sandbox.close()
        raise
    opened.sandbox.close()


def keep_work(attempt: Attempt, opened: Bench) -> bool:
    """Store the workspace as a bundle that outlives the sandbox; tells whether there was work to keep.

    Raises PatchRefused when the work is too large for that.
    """
    task = attempt.task
    bundle = workspace.export(opened.sandbox, opened.base.commit, merges=opened.base.merges)
    if bundle is None:
        return False
    attempt.services.store.runs.save_checkpoint(task.id, task.attempt, bundle, time.time())
    return True


def text_of_work(opened: Bench) -> str:
    """Return what changed as plain text, cut to what a comment carries, for work that cannot leave as a bundle."""
    command = f"git diff --no-ext-diff --no-textconv --stat --patch {opened.base.commit} -- . | head -c {SALVAGE_LIMIT}"
    return opened.sandbox.run(command, timeout=60, output_limit=SALVAGE_LIMIT).output


def _open(attempt: Attempt) -> Bench:
    image = warm.image_of(attempt.services, attempt.task.repository)
    early = _start_early(attempt, image)
    try:
        with run_token(attempt, "read") as token:
            base = find_base(attempt, token)
        _must_have(attempt, base.config.image)
        insist(attempt, base.config)
    except BaseException:
        if early is not None:
            with suppress(SandboxError, Away):  # What went wrong first is what people hear.
                _let_go(early.result())
        raise
    attempt.teller.sha = base.commit
    attempt.teller.changed()
    sandbox = _the_sandbox(attempt, base, early, image)
    try:
        return _furnish(attempt, Bench(base, InterruptibleSandbox(sandbox, attempt.lease)))
    except (HandOver, Paused, Away, *attempt.services.store.UNAVAILABLE):
        _let_go(sandbox)
        raise
    except BaseException:
        sandbox.close()
        raise


def _remember(attempt: Attempt, base: Base) -> None:
    """Have a spare made for the next sandbox of this repository."""
    task = attempt.task
    warm.used(attempt.services, task.repository, base.rules, base.config.image, task.limits.minutes)


def _must_have(attempt: Attempt, image: str) -> None:
    """Refuse at once a repository's image that this machine cannot give: checks elsewhere would prove nothing."""
    why = sandboxes.why_not(attempt.services.provider, image) if image else ""
    if why:
        raise UserError(
            f"`{repository_file.PATH}` asks for the image `{image}`, but {why}. "
            "Or take the line `image` out of the file on the default branch. Then `/opus retry`."
        )


def _let_go(sandbox: Sandbox) -> None:
    """Leave a sandbox of an earlier attempt as it was found; a new one that is not furnished yet is ended.

    Else the next attempt would take a workspace without its set-up for one that is ready.
    """
    if sandbox.resumed:
        sandbox.detach()
    else:
        sandbox.close()


def _start_early(attempt: Attempt, image: str) -> Future[Sandbox] | None:
    """Start the sandbox while the repository is fetched, when there is a mirror to mount already."""
    mirror = attempt.services.mirror.path(attempt.task.repository)
    if not (mirror / "HEAD").is_file():
        return None
    return attempt.services.starter.submit(start_sandbox, attempt, image)


def _the_sandbox(attempt: Attempt, base: Base, early: Future[Sandbox] | None, image: str) -> Sandbox:
    """Take the sandbox that was started early from an image, unless the repository wants another one now."""
    if early is None:
        return start_sandbox(attempt, base.config.image)
    if base.config.image == image:
        return early.result()
    with suppress(SandboxError):  # An image that is not wanted any more may not be there any more.
        sandbox = early.result()
        if sandbox.resumed:
            return sandbox
        sandbox.close()
    return start_sandbox(attempt, base.config.image)


@contextmanager
def clean_room(attempt: Attempt, base: Base, bundle: bytes | None) -> Iterator[Sandbox]:
    """Start a sandbox beside the agent's that holds what the bundle holds and nothing else that the agent left.

    Without a bundle it holds the base alone. What the checks say there is true of what is published: no file that git
    ignores, no program that the agent put into its path and no setting in its home can have a say.
    """
    sandbox = start_sandbox(attempt, base.config.image, CHECKING)
    if sandbox.resumed:
        sandbox.close()
        sandbox = start_sandbox(attempt, base.config.image, CHECKING)
    try:
        if bundle is None:
            workspace.checkout(sandbox, base.commit)
        else:
            workspace.restore(sandbox, base.commit, bundle, merges=base.merges)
        warm.renew(attempt.services)
        yield InterruptibleSandbox(sandbox, attempt.lease)
    finally:
        sandbox.close()


@contextmanager
def reading_room(attempt: Attempt) -> Iterator[Bench]:
    """Open a sandbox with a checkout of the base, out of which nothing is taken; it has no network and no set-up.

    It is left to the next attempt when this one only interrupts the reading.
    """
    with run_token(attempt, "read") as token:
        base = find_base(attempt, token)
    _must_have(attempt, base.config.image)
    insist(attempt, base.config)
    if attempt.task.kind is not Kind.ASK:
        attempt.teller.sha = base.commit
        attempt.teller.changed()
    sandbox = _room(attempt, base)
    _remember(attempt, base)
    try:
        yield Bench(base, InterruptibleSandbox(sandbox, attempt.lease))
    except (HandOver, Paused, NeedsHuman, Away, *attempt.services.store.UNAVAILABLE):
        sandbox.detach()
        raise
    except BaseException:
        sandbox.close()
        raise
    sandbox.close()


def _room(attempt: Attempt, base: Base) -> Sandbox:
    """Start a sandbox for reading, with the base; one that was left with another commit makes room for a new one."""
    sandbox = start_sandbox(attempt, base.config.image, READING)
    try:
        workspace.checkout(sandbox, base.commit)
    except SandboxError:
        sandbox.close()
        if not sandbox.resumed:
            raise
        return _room(attempt, base)
    except BaseException:
        sandbox.close()
        raise
    return sandbox


def start_sandbox(attempt: Attempt, image: str, part: str = "") -> Sandbox:
    """Start the task's sandbox, or take up the one that an earlier attempt left; ``part`` names another beside it."""
    task, services = attempt.task, attempt.services
    breaker, circuit = services.breaker, services.sandboxes
    shut = breaker.ask(circuit)
    if shut is not None:
        raise SandboxAway(shut.reason, shut.next_try - time.time(), since=shut.since)
    spec = warm.specification(services, task.repository, task.limits.minutes, image, f"opus67-{task.id}{part}")
    try:
        sandbox = _started(services, spec)
    except SandboxAway as away:
        known = breaker.failed(circuit, str(away), away.retry_after)
        wait = known.next_try - time.time() if known.is_open else away.retry_after
        raise SandboxAway(str(away), wait, since=known.since) from away
    breaker.answered(circuit)
    return sandbox


def _started(services: Services, spec: SandboxSpec) -> Sandbox:
    """Start a sandbox that the audit was told of before."""
    entry = AuditEntry("sandbox:start", image=spec.image, details={"name": spec.name, "provider": services.provider})
    with services.store.audit.effect(entry):
        return sandboxes.start(services.provider, spec, services.settings.home)


def _furnish(attempt: Attempt, opened: Bench) -> Bench:
    """Bring the checkout and the set-up into a new sandbox; one that was taken up behind its set-up has both."""
    sandbox, base, task = opened.sandbox, opened.base, attempt.task
    begun = len(attempt.services.store.runs.steps(task.id)) > first_step(attempt)
    bundle = attempt.services.store.runs.checkpoint(task.id)
    if bundle is None:
        workspace.checkout(sandbox, base.commit)
    else:
        workspace.restore(sandbox, base.commit, bundle, merges=base.merges)
    ready = sandbox.resumed and begun and sandbox.run(f"test -e {READY}", timeout=READY_SECONDS).exit_code == 0
    if not ready:
        failed = set_up(attempt, sandbox, base)
        if failed is not None:
            raise UserError(_explained(failed, sandbox))
        sandbox.run(f"touch {READY}", timeout=READY_SECONDS)
    sandbox.allow(base.config.hosts.work)
    if ready or not begun:
        return opened
    state = "as they were at the last checkpoint" if bundle else "as they were at the beginning"
    notice = (
        f"(from the harness) The sandbox was lost and replaced: the files are {state}, and the shell is a new one. "
        "Look at `git status` and `git diff` before you go on."
    )
    return Bench(base, sandbox, notice)


def set_up(attempt: Attempt, sandbox: Sandbox, base: Base) -> tuple[str, CommandResult] | None:
    """Run the repository's set-up commands with its hosts for them; return the one that failed, if one did."""
    if not base.config.setup:
        return None
    sandbox.allow(base.config.hosts.setup)
    for command in base.config.setup:
        attempt.lease.check()
        result = sandbox.run(command, timeout=SETUP_SECONDS)
        if result.exit_code != 0:
            return command, result
    return None


def _explained(failed: tuple[str, CommandResult], sandbox: Sandbox) -> str:
    command, result = failed
    blocked = ", ".join(sorted({f"`{request.host}`" for request in sandbox.blocked()}))
    hint = f" It asked for {blocked}, which `hosts.setup` does not list." if blocked else ""
    return (
        f"The set-up command `{command}` of `.github/opus67.yml` ended with {result.exit_code}.{hint} "
        f"Mend it on the default branch and try again. Its last words:\n\n{result.output[-1500:].strip()}"
    )
