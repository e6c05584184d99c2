"""What work starts from: a commit, the branch that it is meant for, and what the repository says of itself there."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from config import repository as repository_file
from config.errors import RepositoryConfigError
from jobs.agent import checks
from jobs.kinds.target import look
from jobs.text import strip_invisible
from jobs.types import Kind, UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from config.repository import RepositoryConfig
    from jobs.execute import Attempt
    from jobs.kinds.tokens import RunToken
    from jobs.types import Task

INSTRUCTIONS = ("AGENTS.md", "CLAUDE.md", ".github/copilot-instructions.md")
FILE_LIMIT = 200_000


@dataclass(frozen=True, slots=True)
class Base:
    """What the work starts from; stored, so that every attempt starts from the same.

    ``branch`` is what the work is to be merged into, ``target`` where it is pushed. ``expected`` is the commit that
    ``target`` stands at when it goes on with an earlier task's branch, and empty for a new branch. ``words`` say why
    the work does not start where people wanted. ``merges`` is the commit that is merged into ``target``, if one is.
    ``rules`` is the default branch's commit, whose file of rules counts. ``hidden`` says what nobody sees in the
    instructions and was kept from the agent.
    """

    commit: str
    branch: str
    target: str
    config: RepositoryConfig
    checks: tuple[str, ...]
    instructions: dict[str, str]
    expected: str = ""
    words: str = ""
    merges: str = ""
    rules: str = ""
    hidden: str = ""

    @property
    def checked_out(self) -> str:
        """The branch that the workspace shows."""
        return self.target if self.expected else self.branch


def find_base(attempt: Attempt, token: RunToken) -> Base:
    """Fetch the base commit and read from it what the repository says of itself."""
    task, services = attempt.task, attempt.services
    known = services.store.runs.stage(task.id, "prepared")
    if known is None:
        known = _choose(attempt, token)
        services.store.runs.finish_stage(task.id, task.attempt, "prepared", known, time.time())
    else:
        names = ("base", "rules", "instructions", "merges", "compared")
        for commit in {known.get(name) or known["base"] for name in names}:
            _bring(attempt, token, commit)
    if task.onto and known.get("words"):
        services.store.tasks.leave_branch(task.id, task.attempt, known["words"])
    return _read(attempt, known)


def _choose(attempt: Attempt, token: RunToken) -> dict[str, Any]:
    """Choose where to start: behind the work that this task goes on with, on the named branch, or on the usual one."""
    task, mirror = attempt.task, attempt.services.mirror
    usual, rules = attempt.repository.default_head()
    _bring(attempt, token, rules)
    branch = _wanted_branch(attempt, rules) or usual
    # What tells an agent how to work is never taken from a branch that anybody may have made.
    chosen = {"rules": rules, "instructions": rules, "branch": branch, "target": task.own_branch}
    chosen |= {"expected": "", "words": ""}
    elsewhere = _followed(attempt, token) if task.onto else _asked_about(attempt, token)
    if "base" in elsewhere:
        return {**chosen, **elsewhere}
    base = mirror.fetch(task.repository, token.value, branch=branch).base_sha if branch != usual else rules
    return {**chosen, **elsewhere, "base": base, "instructions": rules if _named(task) else base}


def _bring(attempt: Attempt, token: RunToken, commit: str) -> None:
    """Have the mirror hold a commit; no token is made where it does already."""
    mirror, repository = attempt.services.mirror, attempt.task.repository
    if not mirror.holds(repository, commit):
        mirror.fetch(repository, token.value, want=commit)


def _asked_about(attempt: Attempt, token: RunToken) -> dict[str, str]:
    """Return the head of the pull request that is reviewed or that a question was asked on; nothing for all else."""
    task = attempt.task
    if task.kind is Kind.REVIEW_PULL_REQUEST:
        return _reviewed(attempt, token)
    if task.kind is not Kind.ASK or task.subject.kind != "pull":
        return {}
    head = attempt.repository.read(f"/repos/{task.repository}/pulls/{task.subject.number}")["head"]
    _bring(attempt, token, str(head["sha"]))
    return {"base": str(head["sha"]), "branch": str(head["ref"])}


def _reviewed(attempt: Attempt, token: RunToken) -> dict[str, str]:
    """Return the head of a pull request as the review's round began with it, and the base that it is compared with.

    The head of a fork's is in this repository, too; its branch is none of ours and gets a name that nobody chose.
    """
    target = look(attempt)
    for commit in (target.base, target.head):
        _bring(attempt, token, commit)
    return {"base": target.head, "branch": f"pull/{target.number}/head", "compared": target.base}


def _wanted_branch(attempt: Attempt, rules: str) -> str:
    """Return the branch that a person or the repository named; one that a person named must be there."""
    task, named = attempt.task, _named(attempt.task)
    if named and not task.onto:
        if attempt.repository.branch_sha(named) is None:
            raise UserError(
                f"{task.repository} has no branch `{named}` to start from. Ask again with a branch that is there, "
                "or without one."
            )
        return named
    return _rules(attempt, rules).base_branch


def _named(task: Task) -> str:
    """Return the branch that a person named, or the one whose CI is red."""
    return task.base or (str(task.about.get("branch") or "") if task.kind is Kind.FIX_CI else "")


def _followed(attempt: Attempt, token: RunToken) -> dict[str, str]:
    """Return the head of the branch that this task goes on with, or words on why it cannot."""
    task, repository = attempt.task, attempt.repository
    head, opened = repository.branch_sha(task.onto), repository.find_pull_request(task.onto)
    if head is None:
        return {"words": f"The branch `{task.onto}` is gone, so this starts anew, on a branch of its own."}
    if opened is not None and opened.state != "open":
        return {
            "words": f"Pull request {opened.url} is not open any more, so this starts anew, on a branch of its own."
        }
    _bring(attempt, token, head)
    followed = {"base": head, "target": task.onto, "expected": head}
    if opened is None:
        return followed
    # What people say on the pull request is for this task from now on.
    attempt.services.store.records.keep(pull_key(task.repository, opened.number), task.id, time.time())
    if task.kind is not Kind.RESOLVE_CONFLICTS:
        return {**followed, "branch": opened.base}
    newest = attempt.services.mirror.fetch(task.repository, token.value, branch=opened.base)
    return {**followed, "branch": opened.base, "merges": newest.base_sha}


def joined_event(task_id: str) -> str:
    """Return the event that somebody asked for the same as a task that is at work on it."""
    return f"joined:{task_id}"


def pull_key(repository: str, number: int) -> str:
    """Return the key under which it is kept whose pull request this is."""
    return f"pull:{repository.lower()}#{number}"


def rules_in(written: bytes) -> RepositoryConfig:
    """Read the repository's file; raises UserError that names its mistake, so that a task ends in words."""
    text = written.decode("utf-8", errors="replace")
    try:
        return repository_file.parse(text) if text.strip() else repository_file.defaults()
    except RepositoryConfigError as error:
        raise UserError(f"`{repository_file.PATH}` has a mistake: {error} Mend it and try again.") from error


def _rules(attempt: Attempt, commit: str) -> RepositoryConfig:
    """Read the repository's file as the default branch had it when the work began, whatever the work's base."""
    written = attempt.services.mirror.read(attempt.task.repository, commit, repository_file.PATH, FILE_LIMIT)
    return rules_in(written or b"")


def _read(attempt: Attempt, known: dict[str, Any]) -> Base:
    mirror, repository, commit = attempt.services.mirror, attempt.task.repository, known["base"]
    rules, instructions = known.get("rules", commit), known.get("instructions", commit)
    asked = [(rules, repository_file.PATH), *((instructions, path) for path in INSTRUCTIONS)]
    asked += [(commit, path) for path in checks.WANTED_FILES]
    written = mirror.read_all(repository, dict.fromkeys(asked), FILE_LIMIT)
    config = rules_in(written.get((rules, repository_file.PATH), b""))
    told = _texts(written, instructions, INSTRUCTIONS)
    return Base(
        commit,
        known["branch"],
        known.get("target") or attempt.task.branch,
        config,
        _checks(attempt, commit, written) if config.checks is None else config.checks,
        told,
        known.get("expected", ""),
        known.get("words", ""),
        known.get("merges", ""),
        rules,
        _hidden_in(told),
    )


def _hidden_in(files: Mapping[str, str]) -> str:
    """Say what of the instructions nobody sees who reads or approves them; empty where that is nothing."""
    found = {path: strip_invisible(text)[1] for path, text in files.items()}
    said = [
        f"`{path}`: {', '.join(f'{one.count} x {one.name}' for one in hidden)}"
        for path, hidden in found.items()
        if hidden
    ]
    return f"Hidden in the repository's instructions, and kept from the agent: {'; '.join(said)}." if said else ""


def _checks(attempt: Attempt, commit: str, written: Mapping[tuple[str, str], bytes]) -> tuple[str, ...]:
    """Find out how a repository that does not say it is checked: by the files that tell, and by where tests are."""
    files = attempt.services.mirror.list_files(attempt.task.repository, commit)
    tests = {path: "" for path in files if path.startswith("tests/")}
    return tuple(checks.find_checks({**tests, **_texts(written, commit, checks.WANTED_FILES)}))


def _texts(written: Mapping[tuple[str, str], bytes], commit: str, paths: Iterable[str]) -> dict[str, str]:
    found = {path: written.get((commit, path)) for path in paths}
    return {path: text.decode("utf-8", errors="replace") for path, text in found.items() if text is not None}
