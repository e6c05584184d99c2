"""The last stage: the bundle through quarantine, one pushed branch, one draft pull request; or words on why not."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from jobs.answer.commit import co_author, commit_message
from jobs.answer.pull_request import concluded_body, continued_body, pull_request_body, pull_request_title
from jobs.github import GitHubRefused
from jobs.kinds.base import pull_key
from jobs.kinds.rights import insist
from jobs.notify import PULL_REQUEST, view_of
from jobs.store import Place
from jobs.text import redact, redact_all
from jobs.types import AuditEntry, Conclusion, Outcome, PatchRefused, Phase, UserError
from jobs.workspace import PatchRules, PushConflict, Quarantine

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from jobs.answer.view import TaskView
    from jobs.execute import Attempt
    from jobs.github import PullRequest
    from jobs.kinds.base import Base
    from jobs.kinds.tokens import RunToken
    from jobs.types import Patch

PATCH_LIMIT = 40_000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """What goes out: the bundle, and the outcome as far as it is known.

    ``beside``: where somebody moved the branch it goes to one beside it; without, PushConflict is raised.
    """

    base: Base
    bundle: bytes
    outcome: Outcome
    beside: bool = True


def publish(attempt: Attempt, token: RunToken, work: Work) -> Outcome:
    """Open the draft pull request; work that cannot become one is kept as a branch or a patch, and words say which."""
    task, store = attempt.task, attempt.services.store
    store.tasks.progress(task.id, task.attempt, Phase.PUBLISHING)
    attempt.teller.changed()
    quarantine = Quarantine(attempt.services.mirror, task.repository, task.id)
    try:
        patch = _receive(attempt, quarantine, work)
        outcome = replace(work.outcome, patch=patch)
        outcome = _note_conflicts(attempt, token, quarantine, work.base, outcome)
        branch, outcome = _push(attempt, token, quarantine, work.base, outcome, beside=work.beside)
        if branch != work.base.target:
            return outcome
        return _open(attempt, work.base, patch, outcome)
    except PatchRefused as refused:
        diff = quarantine.diff_text(work.bundle, base=work.base.commit, limit=PATCH_LIMIT, merges=work.base.merges)
        return _kept_as_patch(work.outcome, str(refused), diff)
    finally:
        quarantine.discard()


def keep_as_branch(attempt: Attempt, token: RunToken, work: Work) -> Outcome:
    """Push unfinished work to its branch without a pull request, so that somebody can take it up."""
    quarantine = Quarantine(attempt.services.mirror, attempt.task.repository, attempt.task.id)
    try:
        patch = _receive(attempt, quarantine, work)
        # Nobody wants half of a change in a pull request that was whole.
        alone = replace(work.base, target=attempt.task.own_branch, expected="")
        branch, outcome = _push(attempt, token, quarantine, alone, replace(work.outcome, patch=patch))
        return replace(outcome, kept=f"The work so far is on the branch `{branch}`, without a pull request.")
    except PatchRefused as refused:
        diff = quarantine.diff_text(work.bundle, base=work.base.commit, limit=PATCH_LIMIT, merges=work.base.merges)
        return replace(_kept_as_patch(work.outcome, str(refused), diff), summary=work.outcome.summary)
    finally:
        quarantine.discard()


def keep_as_patch(attempt: Attempt, bundle: bytes, outcome: Outcome, reason: str) -> Outcome:
    """Keep paid-for work as a patch in the comment, when GitHub takes it in no other way."""
    prepared = attempt.services.store.runs.stage(attempt.task.id, "prepared")
    quarantine = Quarantine(attempt.services.mirror, attempt.task.repository, attempt.task.id)
    try:
        diff = quarantine.diff_text(bundle, base=prepared["base"], limit=PATCH_LIMIT, merges=prepared.get("merges", ""))
    finally:
        quarantine.discard()
    return _kept_as_patch(outcome, reason, diff, "it could not be published")


def _receive(attempt: Attempt, quarantine: Quarantine, work: Work) -> Patch:
    task, services = attempt.task, attempt.services
    actor, host = task.actor, urlsplit(services.settings.github_server_url).hostname or "github.com"
    # What is cut or folded first could leave half of a secret that nothing recognises.
    title = redact(work.outcome.title or task.title, services.redacted)
    message = commit_message(title, redact(work.outcome.summary, services.redacted), f"Task {task.id}")
    return quarantine.receive(
        work.bundle,
        base=work.base.commit,
        message=redact(message, services.redacted),
        author=services.github.bot_user(),
        co_author=co_author(actor.login, _account_id(attempt), host) if actor.login else "",
        when=int(task.created_at),
        rules=PatchRules(protected=work.base.config.protected, secrets=services.redacted),
        merges=work.base.merges,
    )


def _account_id(attempt: Attempt) -> str:
    """Return the number of the GitHub account of who asked, wherever that was; empty where GitHub does not tell it."""
    actor = attempt.task.actor
    if actor.platform == "github":
        return actor.id
    try:
        return str(attempt.repository.read(f"/users/{quote(actor.login)}")["id"])
    except GitHubRefused:
        return ""


def _note_conflicts(attempt: Attempt, token: RunToken, quarantine: Quarantine, base: Base, outcome: Outcome) -> Outcome:
    """Say so when the base branch has moved on in the same places since the work began."""
    patch = outcome.patch
    try:
        newest = attempt.services.mirror.fetch(attempt.task.repository, token.value, branch=base.branch)
    except UserError as gone:
        reason = f"the base branch is not as it was: {gone}"
        return replace(outcome, draft_reason="; ".join(filter(None, [outcome.draft_reason, reason])))
    if patch is None or newest.base_sha == base.commit:
        return outcome
    paths = quarantine.conflicts(patch.commit, newest.base_sha)
    if not paths:
        return outcome
    listed = ", ".join(f"`{path}`" for path in paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")  # noqa: PLR2004 - five are enough to see
    reason = f"`{base.branch}` has moved on meanwhile, and merging needs a hand in {listed}"
    return replace(outcome, draft_reason="; ".join(filter(None, [outcome.draft_reason, reason])))


def _push(
    attempt: Attempt, token: RunToken, quarantine: Quarantine, base: Base, outcome: Outcome, *, beside: bool = True
) -> tuple[str, Outcome]:
    """Push to the task's branch; when somebody else has moved it, to a branch ``beside`` it, and say so, or raise."""
    commit = outcome.patch.commit if outcome.patch else ""
    insist(attempt, base.config)
    attempt.lease.check()  # The last moment at which a cancel or a pause leaves nothing behind.
    try:
        with _told(attempt, base.target, commit):
            token.using(lambda value: quarantine.push(commit, base.target, value, expected=base.expected or None))
    except PushConflict as conflict:
        if not beside:
            raise
        branch = attempt.task.own_branch if base.expected else f"{base.target}-{attempt.task.attempt}"
        attempt.lease.fence()
        with _told(attempt, branch, commit):
            token.using(lambda value: quarantine.push(commit, branch, value))
        why = f"The pull request was not opened: {conflict}"
        if base.expected:
            why = f"The pull request was not changed: somebody moved its branch `{base.target}` while this ran."
        summary = f"{outcome.summary}\n\n{why}"
        kept = f"The work is on the branch `{branch}`. Compare the two branches and keep what you want."
        return branch, replace(outcome, conclusion=Conclusion.ACTION_REQUIRED, summary=summary, kept=kept)
    return base.target, outcome


def _told(attempt: Attempt, branch: str, commit: str) -> AbstractContextManager[None]:
    """Tell the audit of a push before it is made."""
    entry = AuditEntry("git:push", attempt.task.repository, branch, details={"commit": commit})
    return attempt.services.store.audit.effect(entry)


def _open(attempt: Attempt, base: Base, patch: Patch, outcome: Outcome) -> Outcome:
    task, store, services = attempt.task, attempt.services.store, attempt.services
    usage, cost, models = store.runs.totals(task.id)
    outcome = replace(outcome, usage=usage, cost=cost, models=models, steps=len(store.runs.steps(task.id)))
    attempt.lease.fence()
    try:
        shown = redact_all(replace(view_of(services, task.id), outcome=outcome), services.redacted)
        opened = _pull_request(attempt, base, shown)
    except GitHubRefused as refused:
        kept = f"The work is on the branch `{base.target}`; you can open a pull request from it."
        summary = f"{outcome.summary}\n\nThe pull request could not be opened: {refused}"
        return replace(outcome, conclusion=Conclusion.ACTION_REQUIRED, summary=summary, kept=kept)
    store.records.save_place(task.id, PULL_REQUEST, Place(str(opened.number), opened.url, ""))
    store.records.keep(pull_key(task.repository, opened.number), task.id, time.time())
    attempt.teller.sha = patch.commit
    if opened.state != "open":
        reason = f"The pull request {opened.url} was closed meanwhile; the work is on its branch `{base.target}`"
        outcome = replace(outcome, conclusion=Conclusion.ACTION_REQUIRED, draft_reason=reason)
    return replace(outcome, pull_request=opened.url)


def _pull_request(attempt: Attempt, base: Base, view: TaskView) -> PullRequest:
    """Open the draft, or bring the open one up to date: what it says of an earlier task stays there."""
    repository, secrets = attempt.repository, attempt.services.redacted
    found = repository.find_pull_request(base.target)
    if found is None or found.body.startswith(view.task.marker):
        title, body = redact(pull_request_title(view), secrets), redact(pull_request_body(view), secrets)
        return repository.ensure_pull_request(base.target, base.branch, title, body)
    if found.state != "open":
        return found
    return repository.update_pull_request(found.number, body=redact(continued_body(found.body, view), secrets))


def tell_ending(attempt: Attempt, branch: str, outcome: Outcome) -> None:
    """Say in the open pull request how the work on it ended; best effort, since the check run says it, too."""
    ending = redact(outcome.summary.partition("\n\n")[0], attempt.services.redacted)
    try:
        found = attempt.repository.find_pull_request(branch)
        if found is None or found.state != "open":
            return
        body = concluded_body(found.body, attempt.task.marker, ending)
        if body != found.body:
            attempt.lease.fence()
            attempt.repository.update_pull_request(found.number, body=body)
    except UserError as refused:
        log.info("the pull request of task %s does not say how it ended: %s", attempt.task.id, refused)


def _kept_as_patch(outcome: Outcome, reason: str, diff: str, what: str = "it may not be pushed") -> Outcome:
    summary = f"The work is done as far as the agent could, but {what}. {reason}"
    return replace(
        outcome,
        conclusion=Conclusion.ACTION_REQUIRED,
        summary=f"{summary}\n\n{outcome.summary}".strip(),
        kept="The patch, below." if diff else "Nothing: the patch could not be read.",
        salvage=diff,
    )
