"""How a task goes, as lines of a terminal: the whole of it, what is new since, and how it ended (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.shell.exits import Exit
from bot.shell.rendering import cut, for_shell, one_line, plain, quoted
from jobs.answer.words import count, duration, money
from jobs.types import Approval, Conclusion, Status

if TYPE_CHECKING:
    from bot.shell.state import State

TICKS = {"done": "✓", "in_progress": "▸", "pending": "·"}
GOOD = {Conclusion.SUCCESS, Conclusion.NEUTRAL}


def block(state: State, width: int, height: int) -> list[str]:
    """Return the whole of it, as it stands in the terminal while the task goes on."""
    plan = [f"  {TICKS.get(item['state'], '·')} {one_line(item['text'])}" for item in state["plan"]]
    room = max(height - 4, 1)
    if len(plan) > room:
        first = max(min(_current(state) - room // 2, len(plan) - room), 0)
        plan = plan[first : first + room]
    lines = [f"{head(state)}{_doing(state)}", f"  {one_line(state['title'])}", *plan, f"  {_figures(state)}"]
    if state["note"]:
        lines.append(f"  {one_line(for_shell(state['note'], state['id']))}")
    return [cut(line, width) for line in lines]


def head(state: State) -> str:
    """Return the state in a few words, and which task it is."""
    return f"{state['mark']} {state['headline']} · {one_line(state['repository'])} · task {state['id']}"


def news(before: State | None, now: State) -> list[str]:
    """Return what is new since the state before, one line each, for where nothing can be drawn again."""
    lines = []
    if before is None or (before["headline"], before["doing"]) != (now["headline"], now["doing"]):
        lines.append(f"{head(now)}{_doing(now)}")
    earlier = {item["text"]: item["state"] for item in before["plan"]} if before else {}
    lines += [
        f"  {TICKS[item['state']]} {one_line(item['text'])}"
        for item in now["plan"]
        if item["state"] in {"done", "in_progress"} and earlier.get(item["text"]) != item["state"]
    ]
    if now["note"] and (before is None or before["note"] != now["note"]):
        lines.append(f"  {one_line(for_shell(now['note'], now['id']))}")
    return lines


def changed(before: State | None, now: State) -> bool:
    """Tell whether anything but the passing of time is new."""
    return before is None or {**before, "seconds": 0} != {**now, "seconds": 0}


def is_over(state: State) -> bool:
    """Tell whether there is nothing more to watch: the task has ended, or waits for a person."""
    return state["status"] in {Status.COMPLETED, Status.WAITING}


def exit_of(state: State) -> Exit:
    """Return the exit code that tells where a watched task stands."""
    if state["status"] == Status.WAITING:
        return Exit.WAITS
    return Exit.DONE if state["conclusion"] in GOOD or state["status"] != Status.COMPLETED else Exit.REFUSED


def ending(state: State) -> str:
    """Return what is to be told at the end: the question and how to answer it, or what came of the work."""
    parts = _waiting(state) if state["status"] == Status.WAITING else _outcome(state)
    return "\n\n".join(part for part in parts if part)


def _waiting(state: State) -> list[str]:
    task_id = state["id"]
    if not state["question"]:
        return [f"`opus67 resume {task_id}` goes on, `opus67 bg cancel {task_id}` ends the work."]
    if state["approval"] == Approval.ASKED:
        how = f'`opus67 approve {task_id}` starts the work, `opus67 reject {task_id} "why"` asks for another plan.'
    else:
        how = f'`opus67 answer {task_id} "your answer"` lets it go on.'
    return [quoted(state["question"]), f"{how} Nothing is spent while this waits."]


def _outcome(state: State) -> list[str]:
    checks = [
        f"{'✓' if check['exit_code'] == 0 else '✗'} {one_line(check['command'])} (exit code {check['exit_code']})"
        for check in state["checks"]
    ]
    facts = [f"{money(state['dollars'])}, {duration(state['seconds'])}"]
    if state["files"]:
        size = f"+{state['additions']} -{state['deletions']}"
        facts.insert(0, f"{count(state['files'], 'file')} changed, {size}")
    links = [("Pull request", state["pull_request"]), ("Every step", state["page"])]
    return [
        quoted(state["summary"]),
        one_line(state["draft_reason"]),
        "\n".join(checks),
        "\n".join([", ".join(facts), *(f"{name}: {one_line(url)}" for name, url in links if url)]),
        plain(for_shell(state["next"], state["id"])) if state["conclusion"] not in GOOD else "",
    ]


def _doing(state: State) -> str:
    if state["ahead"]:
        return f" · {count(state['ahead'], 'task')} before it"
    return f" · {state['doing']}" if state["doing"] else ""


def _figures(state: State) -> str:
    percent = [f"{state['percent']} %"] if state["plan"] else []
    cost = f"{money(state['dollars'])} of {money(state['limit_dollars'])}"
    return " · ".join([*percent, cost, duration(state["seconds"])])


def _current(state: State) -> int:
    """Return the index of the item of the plan that is worked on."""
    return next((index for index, item in enumerate(state["plan"]) if item["state"] != "done"), 0)
