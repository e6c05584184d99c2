"""The buttons of a task, and the words that pressing one says; what is pressed is heard by ``hearing``."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bot.slack_bot import kit
from jobs.types import Approval, Conclusion, Kind, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.slack_bot.kit import JSON
    from jobs.answer.view import TaskView
    from jobs.types import Task

COMMANDS: Mapping[str, str] = {
    "do:approve": "approve",
    "do:cancel": "bg cancel",
    "do:merge": "bg merge",
    "do:pause": "pause",
    "do:resume": "resume",
    "do:retry": "retry",
    "do:review": "bg review",
}
"""What a button says, before the task's id."""
FORMS: Mapping[str, str] = {"form:answer": "answer", "form:reject": "reject", "form:steer": "steer"}
"""Which command a button opens a form for."""
ANSWER_BOX = "type:answer"
_BOX_ID = "answer"


def buttons(view: TaskView) -> list[JSON]:
    """Return the row of buttons that fits a task's state."""
    task = view.task
    match task.status:
        case Status.QUEUED:
            shown = [_cancel(task)]
        case Status.IN_PROGRESS:
            shown = [] if task.cancel else [_form("Steer", "steer", task), _do("Pause", "pause", task), _cancel(task)]
        case Status.WAITING:
            shown = _for_waiting(task)
        case Status.COMPLETED:
            shown = _for_completed(view)
    return kit.actions([*shown, *kit.link_button("Every step", "open:page", view.page_url)])


def answer_box(task: Task) -> list[JSON]:
    """Return the box to type an answer into; another question gets another, empty one."""
    question = hashlib.sha256(task.question.encode(errors="replace")).hexdigest()[:8]
    return [
        {
            "type": "input",
            "block_id": f"{_BOX_ID}:{task.id}:{question}",
            "dispatch_action": True,
            "label": kit.plain("Your answer"),
            "element": {
                "type": "plain_text_input",
                "action_id": ANSWER_BOX,
                "placeholder": kit.plain("for example: use the second option", 150),
                "dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]},
            },
        }
    ]


def task_of_box(block_id: str) -> str:
    """Return the task whose answer box has an id; nothing where it is none."""
    name, _, rest = block_id.partition(":")
    return rest.partition(":")[0] if name == _BOX_ID else ""


def _for_waiting(task: Task) -> list[JSON]:
    if task.approval is Approval.ASKED:
        return [_do("Approve plan", "approve", task, style="primary"), _form("Reject", "reject", task, style="danger")]
    if task.question:
        return [_form("Answer", "answer", task, style="primary"), _cancel(task)]
    return [_do("Resume", "resume", task, style="primary"), _cancel(task)]


def _for_completed(view: TaskView) -> list[JSON]:
    task, shown = view.task, kit.link_button("Pull request", "open:pull_request", view.pull_request)
    if view.pull_request or (view.outcome and view.outcome.patch):
        shown.append(_do("Review", "review", task))
    if view.pull_request and not view.merged:
        shown.append(_merge(task))
    conclusion = view.outcome.conclusion if view.outcome else task.conclusion
    if conclusion is not Conclusion.SUCCESS and task.kind is not Kind.ASK:
        shown.append(_do("Retry", "retry", task))
    return shown


def _do(text: str, name: str, task: Task, *, style: str = "") -> JSON:
    return kit.button(text, f"do:{name}", task.id, style=style)


def _form(text: str, name: str, task: Task, *, style: str = "") -> JSON:
    return kit.button(text, f"form:{name}", task.id, style=style)


def _cancel(task: Task) -> JSON:
    sure = kit.confirmation(
        "End the work?", "What was done so far is kept where that is possible.", "Cancel the task", "Let it work"
    )
    return kit.button("Cancel", "do:cancel", task.id, style="danger", confirm=sure)


def _merge(task: Task) -> JSON:
    sure = kit.confirmation(
        "Merge this pull request?",
        "It is marked as ready and merged, if GitHub's rules, the checks and the approvals allow it.",
        "Merge",
        "Not yet",
    )
    return kit.button("Merge", "do:merge", task.id, confirm=sure)
