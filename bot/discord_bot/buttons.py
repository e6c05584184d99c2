"""The buttons of a task: what they are called, what they say when they are pressed, and which fit its state. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bot.discord_bot.harmless import plain
from jobs.answer.words import ANSWERED, DONE, DONE_WITHOUT_CHECKS, ON_PULL, headline
from jobs.types import Approval, Kind, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobs.answer.view import TaskView

BLUE, GREY, GREEN, RED, LINK = 1, 2, 3, 4, 5
ROW, BUTTON = 1, 2
_LABEL = 80
_URL = 512
_MOST = 5
_CUSTOM_ID = re.compile(r"opus67:(?P<action>[a-z]+):(?P<task_id>[0-9a-z]{4,12})")


@dataclass(frozen=True, slots=True)
class Action:
    """One button: its name in custom ids, its label and colour, and the command; one with a ``form`` asks for words."""

    name: str
    label: str
    style: int
    command: str
    form: bool = False


ACTIONS = {
    action.name: action
    for action in (
        Action("approve", "Approve plan", GREEN, "approve"),
        Action("reject", "Reject", RED, "reject", form=True),
        Action("answer", "Answer", BLUE, "answer", form=True),
        Action("steer", "Steer", GREY, "steer", form=True),
        Action("pause", "Pause", GREY, "pause"),
        Action("resume", "Resume", GREEN, "resume"),
        Action("review", "Review", BLUE, "bg review"),
        Action("merge", "Merge", GREEN, "bg merge"),
        Action("retry", "Retry", GREY, "retry"),
        Action("cancel", "Cancel", RED, "bg cancel"),
    )
}


def pressed(custom_id: str) -> tuple[Action, str] | None:
    """Return the action and the task of a button of ours; a button of any age is understood from its id alone."""
    match = _CUSTOM_ID.fullmatch(custom_id)
    action = ACTIONS.get(match["action"]) if match else None
    return (action, match["task_id"]) if match and action else None


def fitting(view: TaskView) -> tuple[str, ...]:
    """Return the names of the actions that make sense for a task as it is now."""
    task = view.task
    match task.status:
        case Status.QUEUED | Status.IN_PROGRESS if task.cancel:
            return ()
        case Status.QUEUED:
            return ("pause", "cancel")
        case Status.IN_PROGRESS:
            return ("steer", "pause", "cancel")
        case Status.WAITING if task.question and task.approval is Approval.ASKED:
            return ("approve", "reject", "cancel")
        case Status.WAITING:
            return ("answer", "cancel") if task.question else ("resume", "cancel")
        case _:
            return _after(view)


def rows(view: TaskView) -> list[dict[str, Any]]:
    """Return the buttons of a task's message: one row to act, one to go and look."""
    actions = [
        {
            "type": BUTTON,
            "style": ACTIONS[name].style,
            "label": ACTIONS[name].label,
            "custom_id": f"opus67:{name}:{view.task.id}",
        }
        for name in fitting(view)
    ]
    links = link_buttons(
        [("Pull request", view.pull_request), ("Checks", view.check_run_url), ("Task page", view.page_url)]
    )
    return [{"type": ROW, "components": found} for found in (actions, links) if found]


def link_buttons(links: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return buttons that open addresses, without those that Discord takes for none."""
    good = {url: label for label, url in links if can_open(url)}
    return [
        {"type": BUTTON, "style": LINK, "label": plain(label, _LABEL) or "Open", "url": url}
        for url, label in list(good.items())[:_MOST]
    ]


def can_open(url: str) -> bool:
    """Tell whether an address is one that people elsewhere can open: Discord refuses names without a dot, and so on."""
    if len(url) > _URL or not url.isascii() or re.search(r"[\s<>()]", url):
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and "." in host and not _is_private(host)


def _is_private(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.endswith(".localhost")


def _after(view: TaskView) -> tuple[str, ...]:
    """Return what can be done about a task that is over."""
    state = headline(view)
    if view.merged:
        return ("review",)
    if view.task.kind is Kind.ASK:
        return () if state is ANSWERED else ("retry",)
    if state in {DONE, DONE_WITHOUT_CHECKS, ON_PULL[DONE], ON_PULL[DONE_WITHOUT_CHECKS]}:
        return ("review", "merge", "retry")
    return ("review", "retry") if view.pull_request else ("retry",)
