"""What people ask for on a pull request: mend its CI, work on its review, review it, merge its base into it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.automatic import ci, placing, pulls, reviews
from bot.automatic.work import active, owner_of, request_of
from bot.control import beginning, steering
from bot.events import Run
from jobs import policy
from jobs.answer.parts import Answer, refused
from jobs.kinds.fix_ci.ci import OURS, RED, REPORTED, newest
from jobs.kinds.fix_ci.deciding import Place
from jobs.types import Approval, Kind, Mode

if TYPE_CHECKING:
    from bot.automatic.placing import Spot
    from bot.automatic.work import Work
    from bot.control.order import Order
    from jobs.github import PullRequestState

SHOWN = 10
"""Digits of a commit that people read."""


def fix(order: Order) -> Answer:
    """Start the mending of a pull request's CI, or of a branch's; one that waits for approval has it now."""
    wished = order.command.options.get("base", "").strip()
    if order.subject.number and wished:
        return refused("`--base` names a branch whose CI is red; a pull request needs none.")
    found = _of_pull(order) if order.subject.number else _of_branch(order, wished)
    if isinstance(found, Answer):
        return found
    spot, sha = found
    run = _red(order, spot, sha)
    if isinstance(run, Answer):
        return run
    work = ci.work_of(order.actions, spot, _source(run), run, asked=True)
    for task in active(order.actions):
        if task.kind is Kind.FIX_CI and task.about.get("sha") == sha and task.approval is Approval.ASKED:
            return steering.approve(replace(order, task=task))
    return _submit(order, work)


def address(order: Order) -> Answer:
    """Start the work on the review threads of a pull request."""
    state = _open(order)
    if isinstance(state, Answer):
        return state
    spot = placing.spot_of(order.actions, state)
    if spot.place == Place.FORK:
        return refused(
            "This pull request comes from a fork, where I may not push: its review cannot be worked on here."
        )
    base = spot.branch if spot.owner is None else ""
    return _submit(order, reviews.addressing(order.actions, state.number, spot.owner, base=base, asked=True))


def review(order: Order) -> Answer:
    """Start the review of a pull request."""
    state = _open(order)
    if isinstance(state, Answer):
        return state
    return _submit(order, reviews.reviewing(order.actions, state.number, state.title, asked=True))


def update(order: Order) -> Answer:
    """Start the merge of the base into a pull request of ours."""
    state = _open(order)
    if isinstance(state, Answer):
        return state
    owner = owner_of(order.actions, state.number)
    if owner is None:
        return refused("I only merge the base into pull requests that I opened. GitHub's button updates the others.")
    return _submit(order, pulls.updating(order.actions, state, owner, asked=True))


def _open(order: Order) -> PullRequestState | Answer:
    """Return the pull request that is meant, while it is open; else what to say."""
    number = order.subject.number
    if order.command.options.get("base", "").strip():
        return refused(f"`--base` does not belong to `{order.command.name}`.")
    state = placing.pull_request(order.actions, number)
    if state is None:
        return refused(f"There is no pull request #{number} in `{order.actions.event.repository}`.")
    if state.state != "open":
        return refused(f"Pull request #{number} is {state.state}, so nothing is done on it.")
    return state


def _of_pull(order: Order) -> tuple[Spot, str] | Answer:
    state = _open(order)
    return state if isinstance(state, Answer) else (placing.spot_of(order.actions, state), state.head)


def _of_branch(order: Order, wished: str) -> tuple[Spot, str] | Answer:
    repository, here = order.actions.repository, order.here
    branch = wished or (here.config.base_branch if here else "") or repository.default_branch()
    sha = repository.branch_sha(branch)
    if sha is None:
        return refused(f"There is no branch `{branch[:60].replace('`', '')}`.")
    return placing.Spot(Place.DEFAULT, branch), sha


def _red(order: Order, spot: Spot, sha: str) -> Run | Answer:
    """Return what is red at a commit: a run of Actions, another App's checks, a report; or say that nothing is."""
    repository, config = order.actions.repository, order.here.config if order.here else None
    runs = newest(repository.workflow_runs(sha=sha), config.ci.ignore if config else ())
    where = f"#{spot.pull}" if spot.pull else f"`{spot.branch}`"
    for run in runs:
        if run.conclusion in RED:
            return Run(id=run.id, suite=run.suite_id, sha=sha, branch=spot.branch, workflow=run.name)
    checks = [one for one in repository.checks_of(sha) if one.name not in OURS]
    for check in checks:
        if check.conclusion in RED:
            return Run(sha=sha, branch=spot.branch, workflow=check.name, app=check.name)
    key = REPORTED.format(repository=order.actions.event.repository.lower(), sha=sha)
    conclusion, _, guid = (order.services.store.records.value(key) or "").partition(":")
    if conclusion in RED:
        return Run(sha=sha, branch=spot.branch, report=guid)
    if any(one.status != "completed" for one in checks) or any(run.status != "completed" for run in runs):
        return refused(f"CI of {where} has not finished at `{sha[:SHOWN]}`. Ask again when it is red.")
    return refused(f"CI of {where} is not red at `{sha[:SHOWN]}`.")


def _source(run: Run) -> str:
    return "report" if run.report else "checks" if run.app else "actions"


def _submit(order: Order, work: Work) -> Answer:
    """Have the transaction store the task, or join the one that is at it, when wishes and budget allow it."""
    here = order.here
    if here is None:
        return refused("Which repository? Name it: `--repo owner/name`.")
    wishes = beginning.read_wishes(order.command.options, order.services.settings)
    problem = wishes.problem or here.mistake or beginning.mode_problem(wishes.mode, here.config.mode)
    if problem:
        return refused(problem)
    decision = policy.ask(here.facts, here.config, "starting work")
    if not decision.allowed:
        return beginning.refusal(decision)
    request = request_of(order.actions, work, here.config, decision)
    request = replace(
        request,
        mode=Mode(wishes.mode) if wishes.mode else request.mode,
        limits=beginning.narrow(decision.limits, wishes.dollars),
        model=wishes.model,
        priority=wishes.priority,
    )
    store, now = order.services.store, time.time()
    if work.once:  # what a person asked for is not looked for again by the comparison with GitHub
        order.actions.change(lambda connection: store.records.once(connection, work.once, now))
    return beginning.submitted(order, request, decision)
