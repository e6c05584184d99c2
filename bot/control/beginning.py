"""New work that somebody asks for in words of their own: background tasks, plans, questions."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot import starting
from jobs import policy
from jobs.answer.parts import Answer, refused
from jobs.models.prices import is_priced
from jobs.text.cleaning import clean
from jobs.types import Kind, Mode, Subject, TaskRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.control.order import Order
    from config.settings import Settings
    from jobs.types import Decision, Limits, Task

LEVELS = {"high": 10, "normal": 0, "low": -10}
_MODES = [mode.value for mode in Mode]
"""From the least to the most that the bot does by itself."""
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,119}")
_DOLLARS = re.compile(r"\$?([0-9]{1,4}(?:\.[0-9]{1,2})?)\$?")
_BRANCH = re.compile(r"(?![-/.])(?!.*(?:\.\.|//|@\{|\.lock$))[\w./+-]{1,200}")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was wished for a task beside its words; ``problem`` says what is wrong with it."""

    base: str = ""
    mode: str = ""
    model: str = ""
    dollars: float = 0.0
    priority: int = 0
    problem: str = ""


def background(order: Order) -> Answer:
    """Start a background task."""
    return _begin(order, Kind.BACKGROUND)


def plan(order: Order) -> Answer:
    """Start a task that makes a plan first."""
    return _begin(order, Kind.BACKGROUND, plan_first=True)


def ask(order: Order) -> Answer:
    """Start a run that answers a question."""
    return _begin(order, Kind.ASK)


def go_on(order: Order, ended: Task) -> Answer:
    """Start the next run on the pull request of a task that has ended."""
    return _begin(order, Kind.BACKGROUND, ended=ended)


def _begin(order: Order, kind: Kind, *, plan_first: bool = False, ended: Task | None = None) -> Answer:
    here, event = order.here, order.actions.event
    if here is None or not event.repository:
        return refused("Which repository? Name it: `/opus bg --repo owner/name <task>`.")
    wishes = read_wishes(order.command.options, order.services.settings)
    problem = wishes.problem or here.mistake or mode_problem(wishes.mode, here.config.mode)
    if problem:
        return refused(problem)
    decision = policy.ask(here.facts, here.config, "starting work")
    if not decision.allowed:
        return refusal(decision)
    words = clean(order.command.text[: starting.LONGEST_TEXT])
    seen, removed = _issue_text(order)
    subject = order.subject if order.subject.number else Subject("ask" if kind is Kind.ASK else "bg")
    at_once = here.config.limits.tasks
    request = TaskRequest(
        kind=kind,
        repository=event.repository,
        installation_id=event.installation_id,
        subject=subject,
        title=title_of(words.text),
        text=f"{words.text}{seen}",
        actor=order.actor,
        mode=Mode(wishes.mode or here.config.mode or order.services.settings.mode),
        limits=narrow(decision.limits, wishes.dollars),
        delivery=event.guid,
        removed=(*words.removed, *removed),
        at_once=(at_once.repository, at_once.actor),
        key=f"{kind}:{order.key}",
        plan_first=plan_first,
        model=wishes.model,
        priority=wishes.priority,
        base=wishes.base,
    )
    if ended is not None:
        request = replace(request, follows=ended.id, onto=ended.branch)
    return submitted(order, request, decision)


def submitted(order: Order, request: TaskRequest, decision: Decision) -> Answer:
    """Have the transaction store a task; the answer names it once it is stored, see ``Actions.started``."""

    def then(task: Task) -> None:
        order.actions.started[order.key] = task

    starting.submit(order.actions, request, decision, then)
    return Answer(data={"started": order.key})


def refusal(decision: Decision) -> Answer:
    """Return a refusal that is none of rights, in a sentence."""
    return refused(f"{decision.reason[:1].upper()}{decision.reason[1:]}. {decision.cure}".strip())


def title_of(text: str) -> str:
    """Return the first line of a task's words, cut at a word."""
    first = " ".join(next((line for line in text.splitlines() if line.strip()), "").split())
    if len(first) <= starting.LONGEST_TITLE:
        return first
    return f"{first[: starting.LONGEST_TITLE].rpartition(' ')[0] or first[: starting.LONGEST_TITLE]} \u2026"


def read_wishes(options: Mapping[str, str], settings: Settings) -> Wishes:
    """Read the options of a command or a form."""
    given = {name: value.strip() for name, value in options.items() if value.strip()}
    dollars = _DOLLARS.fullmatch(given.get("dollars", ""))
    priority = given.get("priority", "normal").lower()
    mode = given.get("mode", "").lower()
    problem = ""
    if "dollars" in given and (dollars is None or float(dollars[1]) <= 0):
        problem = "`--dollars` takes an amount such as 2.50."
    elif priority not in LEVELS:
        problem = "`--priority` takes high, normal or low."
    elif mode and mode not in set(Mode):
        problem = f"`--mode` takes {', '.join(Mode)}."
    elif "base" in given and not _BRANCH.fullmatch(given["base"]):
        problem = "`--base` takes the name of a branch."
    elif "model" in given:
        problem = model_problem(settings, given["model"])
    if problem:
        return Wishes(problem=problem)
    amount = float(dollars[1]) if dollars else 0.0
    return Wishes(given.get("base", ""), mode, given.get("model", ""), amount, LEVELS[priority])


def mode_problem(wished: str, most: str) -> str:
    """Return why a mode cannot be had: a repository's file says how much the bot may do by itself at most."""
    if wished and most and _MODES.index(wished) > _MODES.index(most):
        return f"This repository allows the bot to be {most} at most (`mode` in `.github/opus67.yml`)."
    return ""


def narrowed(mode: Mode, most: str) -> Mode:
    """Return a mode that was wished for once, as far as the repository's file allows it now."""
    return Mode(most) if most and _MODES.index(mode) > _MODES.index(most) else mode


def model_problem(settings: Settings, name: str) -> str:
    """Return why a model cannot be had, or nothing; whether the provider knows it shows at the first step."""
    if not _MODEL.fullmatch(name):
        return "That is no name of a model."
    if name.startswith("openai:") and not (settings.openai_api_key or settings.openai_base_url):
        return "No OpenAI-compatible server is set up here (`OPENAI_BASE_URL`)."
    if not name.startswith("openai:") and not settings.anthropic_api_key:
        return "Models of Anthropic's are not set up here (`ANTHROPIC_API_KEY`)."
    if name not in settings.models and not is_priced(name):
        return f"The price of `{name}` is not known here, so that no limit in dollars would hold for it."
    return ""


def _issue_text(order: Order) -> tuple[str, tuple[str, ...]]:
    """Return the issue or pull request that the words were said on, as it reads now, to stand behind them."""
    issue = order.here.issue if order.here else None
    if issue is None:
        return "", ()
    title, text = clean(issue.title), clean(issue.body[: starting.LONGEST_TEXT])
    what = "pull request" if order.subject.kind == "pull" else "issue"
    body = "\n".join(f"> {line}".rstrip() for line in text.text.splitlines())
    seen = f"\n\nThis was said on {what} #{order.subject.number}, \u201c{title.text}\u201d, which reads:\n\n{body}"
    return seen, (*title.removed, *text.removed)


def narrow(limits: Limits, dollars: float) -> Limits:
    """Return limits with less money where less was wished for."""
    return replace(limits, dollars=min(limits.dollars, dollars)) if dollars else limits
