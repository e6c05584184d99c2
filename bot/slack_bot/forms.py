"""The modals: a new task, and a longer text for the agent; what is filled in becomes words and options."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bot.grammar import read
from bot.slack_bot import kit
from jobs.types import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bot.slack_bot.kit import JSON

NEW_TASK, TEXT = "new-task", "text"
"""The callback ids of the two modals."""
REPOSITORY = "repo"
MOST_OPTIONS = 100
LONGEST_TEXT = 3_000
"""Slack takes no more in one box."""
_LONGEST_OPTION = 75
_DOLLARS = re.compile(r"\$?(?=[\d.]*[1-9])\d{1,4}(?:\.\d{1,2})?", re.ASCII)
HOW = {"bg": "Work at once", "plan": "Make a plan first", "ask": "Just answer a question, change nothing"}
WHAT = {
    "answer": ("Answer", "Your answer", "The agent goes on with it."),
    "reject": ("Reject it", "Why, or what should be different?", "A plan is made anew with it; a mend is left to you."),
    "steer": ("Steer", "What should the agent know?", "It hears it at its next step."),
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a modal was opened, kept in it: its submission carries no channel."""

    channel: str = ""
    thread: str = ""
    inside: str = ""
    response_url: str = ""
    asked_at: float = 0.0
    command: str = ""
    task_id: str = ""

    def dump(self) -> str:
        """Return it as Slack keeps it, of at most 3,000 characters."""
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> Origin:
        """Read what ``dump`` wrote."""
        return cls(**json.loads(text))


def new_task_form(origin: Origin, how: str, repository: str, models: Sequence[str], mode: str) -> JSON:
    """Return the modal for a new task; ``how``, ``repository`` and ``mode`` are what it starts with."""
    blocks = [
        _input(REPOSITORY, "Repository", _search(repository), hint="Yours are found once you are linked: /opus link."),
        _input(
            "task",
            "What is to be done?",
            _box("for example: add a --json flag to the export command", multiline=True, focus=True),
        ),
        _input("how", "How", _menu(HOW, how)),
        _input("base", "Base branch", _box("the default branch"), optional=True),
        _input("mode", "Mode", _menu({name.value: name.value.title() for name in Mode}, mode), optional=True),
        _input("dollars", "Budget in US dollars", _box("as the repository allows, for example 2.50"), optional=True),
        _input("model", "Model", _box(models[0] if models else "the operator's choice"), optional=True),
    ]
    return _modal(NEW_TASK, "New task", "Start", origin, blocks)


def text_form(origin: Origin, about: str) -> JSON:
    """Return the modal for an answer, a reason or advice; ``about`` is the title of its task, where that is known."""
    title, label, hint = WHAT[origin.command]
    shown = kit.rich(kit.section(kit.words(kit.one_line(about, 300), bold=True))) if about else []
    box = _input("text", label, _box("", multiline=True, focus=True), hint=hint)
    return _modal(TEXT, title, "Send", origin, [*shown, box])


def said_in(values: Mapping[str, Any], origin: Origin) -> tuple[str, dict[str, str], dict[str, str]]:
    """Return the words and the options of a modal that was filled in, and what is wrong with it, by block."""
    given = {block: _value(next(iter(elements.values()), {})) for block, elements in values.items()}
    if origin.command:
        words = given.get("text", "").strip()
        return f"{origin.command} {origin.task_id} {words}", {}, {} if words else {"text": "Write something."}
    how, task = given.get("how") or "bg", given.get("task", "").strip()
    # "background:" says that what follows is a task, even where it reads like `bg status`.
    words = f"{'background:' if how == 'bg' else how} {task}"
    names = (REPOSITORY, "base", "mode", "dollars", "model")
    options = {name: given.get(name, "").strip() for name in names if given.get(name, "").strip()}
    return words, options, _mistakes(words, task, options)


def repository_options(names: Iterable[str], words: str) -> list[JSON]:
    """Return the repositories that a search finds, those that begin with the words first."""
    wanted = words.lower().strip()
    found = [name for name in names if wanted in name.lower() and len(name) <= 2 * _LONGEST_OPTION]
    found.sort(key=lambda name: (not _begins(name.lower(), wanted), name.lower()))
    return [_option(name, name) for name in found[:MOST_OPTIONS]]


def _begins(name: str, words: str) -> bool:
    return name.startswith(words) or name.partition("/")[2].startswith(words)


def _mistakes(words: str, task: str, options: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    if not task:
        found["task"] = "Say what is to be done."
    elif problem := read(words).problem:
        found["task"] = problem.replace("`", "")
    if not _DOLLARS.fullmatch(options.get("dollars", "1")):
        found["dollars"] = "This takes an amount such as 2.50."
    if any(character in options.get("base", "") for character in " ~^:?*[\\") or ".." in options.get("base", ""):
        found["base"] = "This takes the name of a branch."
    if " " in options.get("model", ""):
        found["model"] = "This takes the name of a model."
    return found


def _value(state: Mapping[str, Any]) -> str:
    chosen = state.get("selected_option")
    value = chosen.get("value") if chosen else state.get("value")
    return value or ""


def _modal(callback: str, title: str, submit: str, origin: Origin, blocks: list[JSON]) -> JSON:
    return {
        "type": "modal",
        "callback_id": callback,
        "title": kit.plain(title, 24),
        "submit": kit.plain(submit, 24),
        "close": kit.plain("Never mind", 24),
        "private_metadata": origin.dump(),
        "blocks": blocks,
    }


def _input(name: str, label: str, element: JSON, *, hint: str = "", optional: bool = False) -> JSON:
    made: JSON = {"type": "input", "block_id": name, "label": kit.plain(label), "optional": optional}
    made["element"] = {**element, "action_id": name}
    return made | ({"hint": kit.plain(hint)} if hint else {})


def _box(example: str, *, multiline: bool = False, focus: bool = False) -> JSON:
    made: JSON = {"type": "plain_text_input"}
    if multiline:
        made |= {"multiline": True, "max_length": LONGEST_TEXT}
    if focus:
        made["focus_on_load"] = True
    return made | ({"placeholder": kit.plain(example, 150)} if example else {})


def _menu(options: Mapping[str, str], chosen: str) -> JSON:
    shown = [_option(label, value) for value, label in options.items()]
    first = next((option for option in shown if option["value"] == chosen), None)
    return {"type": "static_select", "options": shown, **({"initial_option": first} if first else {})}


def _search(repository: str) -> JSON:
    made: JSON = {"type": "external_select", "min_query_length": 0, "placeholder": kit.plain("Search a repository")}
    return made | ({"initial_option": _option(repository, repository)} if repository else {})


def _option(label: str, value: str) -> JSON:
    shown = label if len(label) <= _LONGEST_OPTION else label[: _LONGEST_OPTION - 1] + "\u2026"
    return {"text": kit.plain(shown), "value": value}
