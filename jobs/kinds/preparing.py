"""The first stage: a base commit, the repository's rules and habits, and a sandbox with a checkout."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config import repository as repository_file
from config.errors import RepositoryConfigError
from jobs import sandbox as sandboxes
from jobs import workspace
from jobs.agent import checks
from jobs.budget import BudgetedModel
from jobs.lease import InterruptibleSandbox
from jobs.services import DEFAULT_IMAGE
from jobs.types import HandOver, NeedsHuman, PatchRefused, Paused, SandboxError, SandboxSpec, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from config.repository import RepositoryConfig
    from jobs.execute import Attempt
    from jobs.github import Token
    from jobs.types import CommandResult, Model, Sandbox

INSTRUCTIONS = ("AGENTS.md", "CLAUDE.md", ".github/copilot-instructions.md")
FILE_LIMIT = 200_000
CHECKING = "-check"
"""What the name of the sandbox for the checks has behind the task's."""
SETUP_SECONDS = 1800.0
GRACE_SECONDS = 1200.0
"""How long a sandbox may outlive the minutes of its task: for the checks and for the next attempt."""
SALVAGE_LIMIT = 40_000


@dataclass(frozen=True, slots=True)
class Base:
    """What the work starts from; stored, so that every attempt starts from the same."""

    commit: str
    branch: str
    config: RepositoryConfig
    checks: tuple[str, ...]
    instructions: dict[str, str]


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
def run_token(attempt: Attempt, contents: str) -> Iterator[Token]:
    """Mint a token for this one repository, to ``read`` or ``write`` its contents, and revoke it afterwards.

    A run may outlast a token's hour, so reading at the beginning and pushing at the end have one each.
    """
    task, services = attempt.task, attempt.services
    permissions = {"contents": contents, "metadata": "read"}
    token = services.github.mint_token(task.installation_id, task.repository, permissions)
    try:
        yield token
    finally:
        services.background.submit(services.github.revoke, token)


@contextmanager
def bench(attempt: Attempt) -> Iterator[Bench]:
    """Prepare base and sandbox; the sandbox is left to the next attempt when this one only interrupts the work."""
    opened = _open(attempt)
    try:
        yield opened
    except (HandOver, Paused, NeedsHuman):
        with suppress(SandboxError, PatchRefused):  # The next attempt then starts from an older checkpoint.
            keep_work(attempt, opened)
        opened.sandbox.detach()
        raise
    except attempt.services.store.UNAVAILABLE:  # The next attempt finds the files that could not be stored.
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
    bundle = workspace.export(opened.sandbox, opened.base.commit)
    if bundle is None:
        return False
    attempt.services.store.runs.save_checkpoint(task.id, task.attempt, bundle, time.time())
    return True


def text_of_work(opened: Bench) -> str:
    """Return what changed as plain text, cut to what a comment carries, for work that cannot leave as a bundle."""
    command = f"git diff --no-ext-diff --no-textconv --stat --patch {opened.base.commit} -- . | head -c {SALVAGE_LIMIT}"
    return opened.sandbox.run(command, timeout=60, output_limit=SALVAGE_LIMIT).output


def find_base(attempt: Attempt, token: Token) -> Base:
    """Fetch the base commit and read from it what the repository says of itself."""
    task, services = attempt.task, attempt.services
    known = services.store.runs.stage(task.id, "prepared")
    if known is not None:
        rules = known.get("rules", known["base"])
        for commit in dict.fromkeys((known["base"], rules)):
            services.mirror.fetch(task.repository, token.value, want=commit)
        return _read_base(attempt, known["base"], known["branch"], _rules(attempt, rules))
    snapshot = services.mirror.fetch(task.repository, token.value)
    config, commit, branch = _rules(attempt, snapshot.base_sha), snapshot.base_sha, snapshot.branch
    if config.base_branch and config.base_branch != branch:
        branch = config.base_branch
        commit = services.mirror.fetch(task.repository, token.value, branch=branch).base_sha
    product = {"base": commit, "branch": branch, "rules": snapshot.base_sha}
    services.store.runs.finish_stage(task.id, task.attempt, "prepared", product, time.time())
    return _read_base(attempt, commit, branch, config)


def _open(attempt: Attempt) -> Bench:
    early = _start_early(attempt)
    try:
        with run_token(attempt, "read") as token:
            base = find_base(attempt, token)
        _must_have(attempt, base.config.image)
    except BaseException:
        if early is not None:
            with suppress(SandboxError):  # What went wrong first is what people hear.
                _let_go(early.result())
        raise
    attempt.teller.sha = base.commit
    attempt.teller.changed()
    sandbox = _the_sandbox(attempt, base, early)
    try:
        return _furnish(attempt, Bench(base, InterruptibleSandbox(sandbox, attempt.lease)))
    except (HandOver, Paused, *attempt.services.store.UNAVAILABLE):
        _let_go(sandbox)
        raise
    except BaseException:
        sandbox.close()
        raise


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


def _start_early(attempt: Attempt) -> Future[Sandbox] | None:
    """Start the sandbox while the repository is fetched, when there is a mirror to mount already."""
    mirror = attempt.services.mirror.path(attempt.task.repository)
    if not (mirror / "HEAD").is_file():
        return None
    return attempt.services.starter.submit(start_sandbox, attempt, "")


def _the_sandbox(attempt: Attempt, base: Base, early: Future[Sandbox] | None) -> Sandbox:
    """Take the sandbox that was started early, unless the repository wants another image or the mirror was remade."""
    if early is None:
        return start_sandbox(attempt, base.config.image)
    sandbox = early.result()
    if not base.config.image or sandbox.resumed:
        return sandbox
    sandbox.close()
    return start_sandbox(attempt, base.config.image)


@contextmanager
def clean_room(attempt: Attempt, base: Base, bundle: bytes) -> Iterator[Sandbox]:
    """Start a sandbox beside the agent's that holds what the bundle holds and nothing else that the agent left.

    What the checks say there is true of what is published: no file that git ignores, no program that the agent put
    into its path and no setting in its home can have a say.
    """
    sandbox = start_sandbox(attempt, base.config.image, CHECKING)
    if sandbox.resumed:
        sandbox.close()
        sandbox = start_sandbox(attempt, base.config.image, CHECKING)
    try:
        workspace.restore(sandbox, base.commit, bundle)
        yield InterruptibleSandbox(sandbox, attempt.lease)
    finally:
        sandbox.close()


def start_sandbox(attempt: Attempt, image: str, part: str = "") -> Sandbox:
    """Start the task's sandbox, or take up the one that an earlier attempt left; ``part`` names another beside it."""
    task, services = attempt.task, attempt.services
    spec = SandboxSpec(
        name=f"opus67-{task.id}{part}",
        deadline=time.time() + task.limits.minutes * 60 + GRACE_SECONDS,
        mirror=str(services.mirror.path(task.repository)),
        image=image or services.settings.sandbox_image or DEFAULT_IMAGE,
    )
    return sandboxes.start(services.provider, spec, services.settings.home)


def _furnish(attempt: Attempt, opened: Bench) -> Bench:
    """Bring the checkout and the set-up into a new sandbox; one that was taken up has both."""
    sandbox, base, task = opened.sandbox, opened.base, attempt.task
    begun = bool(attempt.services.store.runs.steps(task.id))
    bundle = attempt.services.store.runs.checkpoint(task.id)
    if bundle is None:
        workspace.checkout(sandbox, base.commit)
    else:
        workspace.restore(sandbox, base.commit, bundle)
    if not (sandbox.resumed and begun):
        failed = set_up(attempt, sandbox, base)
        if failed is not None:
            raise UserError(_explained(failed, sandbox))
    sandbox.allow(base.config.hosts.work)
    if sandbox.resumed or not begun:
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


def _rules(attempt: Attempt, commit: str) -> RepositoryConfig:
    """Read the repository's file as the default branch had it when the work began, whatever the work's base."""
    text = attempt.services.mirror.read(attempt.task.repository, commit, repository_file.PATH, FILE_LIMIT) or b""
    return _config(text.decode("utf-8", errors="replace"))


def _read_base(attempt: Attempt, commit: str, branch: str, config: RepositoryConfig) -> Base:
    mirror, repository = attempt.services.mirror, attempt.task.repository
    files = mirror.list_files(repository, commit)
    there = set(files)

    def read(path: str) -> str:
        return (mirror.read(repository, commit, path, FILE_LIMIT) or b"").decode("utf-8", errors="replace")

    wanted = {path: read(path) for path in checks.WANTED_FILES if path in there}
    tests = {path: "" for path in files if path.startswith("tests/") and path not in wanted}
    found = tuple(checks.find_checks({**tests, **wanted})) if config.checks is None else config.checks
    instructions = {path: read(path) for path in INSTRUCTIONS if path in there}
    return Base(commit, branch, config, found, instructions)


def _config(text: str) -> RepositoryConfig:
    try:
        return repository_file.parse(text) if text.strip() else repository_file.defaults()
    except RepositoryConfigError as error:
        raise UserError(f"`{repository_file.PATH}` has a mistake: {error} Mend it and try again.") from error
