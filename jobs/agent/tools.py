"""The tools: plain functions whose schema comes from their signature, the words for the model from their docstring."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping  # noqa: TC003 - read at run time for the schemas
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypedDict, TypeVar

from jobs.agent import editor
from jobs.agent.context import OUTPUT_LIMIT, cut, readable
from jobs.agent.editor import ToolProblem
from jobs.agent.schema import schema_of
from jobs.types import NeedsHuman, PlanItem, Sandbox, ToolSchema

LONGEST = 600
SHORTEST = 1.0
T = TypeVar("T")
TITLE = 120


class Purpose(StrEnum):
    """What a run is for, which decides its tools and its prompts."""

    WORK = "work"
    PLAN = "plan"
    """Reads, and ends with a plan that people approve; changes nothing."""
    ASK = "ask"
    """Reads, and ends with an answer; changes nothing."""
    REVIEW = "review"
    """Reads a pull request and reports what is wrong with it; changes nothing."""
    ADDRESS = "address"
    """Works on what people said in a review, and answers each of its threads."""


@dataclass(frozen=True, slots=True)
class FinishRequest:
    """What the model says at the end; ``title`` is empty where it ended in plain words or was only reading."""

    title: str
    summary: str


class Finish(Exception):
    """The model called ``finish``."""

    def __init__(self, request: FinishRequest) -> None:
        super().__init__(request.title)
        self.request = request


def _noted(_tool: str, _given: Mapping[str, Any]) -> str:
    return "Noted."


@dataclass(slots=True)
class ToolContext:
    """What a tool may reach: the sandbox, the time that is left, the plan, and who hears what is reported.

    ``hear`` gets a reporting tool's name and input, and gives its result; it raises ``ToolProblem`` for what cannot be.
    """

    sandbox: Sandbox
    seconds_left: Callable[[], float]
    plan: tuple[PlanItem, ...] = ()
    hear: Callable[[str, Mapping[str, Any]], str] = _noted


class Item(TypedDict):
    """One item of a plan as the model gives it."""

    text: Annotated[str, "One line for people who watch."]
    state: Literal["pending", "in_progress", "done"]


def bash(
    context: ToolContext,
    command: Annotated[str, "The command line. Its standard input is empty: nothing interactive works."],
    timeout: Annotated[int, "Seconds after which it is ended; 600 at most."] = 120,
) -> str:
    """Run a command in a bash shell in the sandbox and get its output, standard output and standard error together.

    The shell stays open between calls and keeps its directory, variables and functions. It starts in /workspace.
    Long output is cut in the middle: prefer commands that say little (grep, head, quiet options). Start what must go on
    running, such as a server, in the background with its output in a file. Search with rg, not with grep -r.
    """
    allowed = max(SHORTEST, min(timeout, LONGEST, context.seconds_left()))
    result = context.sandbox.run(command, timeout=allowed, session=True, output_limit=OUTPUT_LIMIT)
    output = cut(readable(result.output)).strip("\n")
    if result.timed_out:
        return f"{output}\n[ended after {allowed:.0f} seconds, which is the timeout]".lstrip("\n")
    if result.exit_code:
        return f"{output}\n[exit code {result.exit_code}]".lstrip("\n")
    return output if output.strip() else "[no output, exit code 0]"


def str_replace_based_edit_tool(
    context: ToolContext,
    command: Annotated[Literal["view", "create", "str_replace", "insert"], "What to do."],
    path: Annotated[str, "A file or folder below /workspace or /tmp."],
    view_range: Annotated[list[int] | None, "For view: first and last line; -1 as the last is the end."] = None,
    file_text: Annotated[str | None, "For create: the whole text of the file."] = None,
    old_str: Annotated[str | None, "For str_replace: the text to replace; it must stand there exactly once."] = None,
    new_str: Annotated[str | None, "For str_replace: what stands there afterwards; nothing if left out."] = None,
    insert_line: Annotated[int | None, "For insert: the line after which to insert; 0 is the beginning."] = None,
    insert_text: Annotated[str | None, "For insert: the lines to insert."] = None,
) -> str:
    """Look at and change files in the sandbox.

    view shows a file with line numbers, or a folder two levels deep. create writes a whole file and its folders,
    replacing what was there. str_replace replaces a text that stands exactly once in the file: copy it letter by
    letter, with white space and without line numbers. insert adds lines after a line.
    """
    if command == "view":
        return editor.view(context.sandbox, path, view_range)
    if command == "create":
        return editor.create(context.sandbox, path, _given(file_text, "create", "file_text"))
    if command == "str_replace":
        return editor.replace(context.sandbox, path, _given(old_str, command, "old_str"), new_str or "")
    line = _given(insert_line, command, "insert_line")
    return editor.insert(context.sandbox, path, line, _given(insert_text, command, "insert_text"))


def view(
    context: ToolContext,
    path: Annotated[str, "A file or folder below /workspace or /tmp."],
    view_range: Annotated[list[int] | None, "First and last line; -1 as the last is the end."] = None,
) -> str:
    """Look at a file with line numbers, or at a folder two levels deep."""
    return editor.view(context.sandbox, path, view_range)


def update_plan(context: ToolContext, items: Annotated[list[Item], "The whole plan, in order."]) -> str:
    """Say what you are going to do and how far you are. People watch it; it does nothing else.

    Give the whole plan each time, three to seven items, at most one in_progress. Update it when an item is done.
    """
    context.plan = tuple(PlanItem(re.sub(r"\s+", " ", item["text"]).strip()[:200], item["state"]) for item in items)
    return "The plan is noted."


def answer_thread(
    context: ToolContext,
    thread: Annotated[str, "The name of the thread, such as T1."],
    done: Annotated[bool, "True only if it asked for a change, and /workspace has all of that change now."],
    answer: Annotated[str, "For the person who wrote it: what you did, the answer, or why not. A few sentences."],
) -> str:
    """Answer one thread of the review; the answer is posted there, with the commit, when the work is published.

    Answer every thread. For a request: carry it out and say what you did, or say why not. For a question: answer it
    and change nothing, with done false. If you answer a thread again, the last answer counts.
    """
    return context.hear("answer_thread", {"thread": thread, "done": done, "answer": answer})


def ask_human(
    context: ToolContext,  # noqa: ARG001 - all tools have one shape
    question: Annotated[str, "The question, with what you would do without an answer."],
) -> str:
    """Ask the people who gave you the work, and stop until somebody answers, which may take days.

    Only for what you cannot find out and where a wrong guess would make the work worthless. Otherwise decide yourself
    and say in the summary what you assumed.
    """
    raise NeedsHuman(question.strip() or "The agent has a question but did not say which. What should it do?")


def finish(
    context: ToolContext,  # noqa: ARG001 - all tools have one shape
    title: Annotated[str, "One line in the imperative, as a good commit's subject; at most 70 characters."],
    summary: Annotated[str, "For the people who review: what was wrong, what you changed and why, what is uncertain."],
) -> str:
    """End the work. The state of the files in /workspace becomes a draft pull request.

    Afterwards the harness runs the check commands; if they fail you get their output and go on. If nothing had to
    be changed, or it cannot be done, say so and why in the summary and leave no changes.
    """
    raise Finish(FinishRequest(re.sub(r"\s+", " ", title).strip()[:TITLE], summary.strip()))


def finish_plan(
    context: ToolContext,  # noqa: ARG001 - all tools have one shape
    plan: Annotated[str, "The plan in Markdown, for the people who approve it; one page at most."],
) -> str:
    """End the planning. People read the plan, and approve it or say what should be different."""
    raise Finish(FinishRequest("", plan.strip() or "The plan is empty."))


def finish_answer(
    context: ToolContext,  # noqa: ARG001 - all tools have one shape
    answer: Annotated[str, "The answer in Markdown, with the places in the code that it rests on."],
) -> str:
    """End with the answer to the question. It is all that people read."""
    raise Finish(FinishRequest("", answer.strip() or "There is no answer."))


def report_finding(
    context: ToolContext,
    path: Annotated[str, "The file, from the top of the repository."],
    line: Annotated[int, "The line in the new file at which it begins."],
    severity: Annotated[
        Literal["critical", "major", "minor", "nit"],
        "critical: loses data, opens a hole, breaks what people use. major: wrong in cases that will come. "
        "minor: wrong in rare cases, or a test is missing. nit: a small thing that costs nothing to better.",
    ],
    reason: Annotated[str, "What goes wrong with which input, and what would be right; a few sentences of Markdown."],
    end_line: Annotated[int | None, "The last line, where it is more than one."] = None,
    suggestion: Annotated[
        str | None, "What should stand in place of these whole lines, with their indentation; ten lines at most."
    ] = None,
) -> str:
    """Report one thing that is wrong, on lines that the pull request changes. Call it once for each thing.

    People see it as a comment on these lines. Places that are not changed are refused, and you are told which are near.
    """
    given = {"path": path, "line": line, "severity": severity, "reason": reason}
    return context.hear("report_finding", {**given, "end_line": end_line, "suggestion": suggestion})


def finish_review(
    context: ToolContext,  # noqa: ARG001 - all tools have one shape
    summary: Annotated[
        str, "What you looked at and what you could not find out, in three sentences at most; no findings."
    ],
) -> str:
    """End the review, when everything that is wrong is reported."""
    raise Finish(FinishRequest("", summary.strip()))


def _given(value: T | None, command: str, name: str) -> T:
    if value is None:
        raise ToolProblem(f"`{command}` needs `{name}`.")
    return value


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call, and how the model sees it."""

    run: Callable[..., str]
    schema: ToolSchema


TOOLS: Mapping[Purpose, Mapping[str, Callable[..., str]]] = {
    Purpose.WORK: {
        "bash": bash,
        "str_replace_based_edit_tool": str_replace_based_edit_tool,
        "update_plan": update_plan,
        "ask_human": ask_human,
        "finish": finish,
    },
    Purpose.ADDRESS: {
        "bash": bash,
        "str_replace_based_edit_tool": str_replace_based_edit_tool,
        "update_plan": update_plan,
        "answer_thread": answer_thread,
        "ask_human": ask_human,
        "finish": finish,
    },
    Purpose.PLAN: {"bash": bash, "view": view, "ask_human": ask_human, "finish": finish_plan},
    Purpose.ASK: {"bash": bash, "view": view, "finish": finish_answer},
    Purpose.REVIEW: {"bash": bash, "view": view, "report_finding": report_finding, "finish": finish_review},
}
"""The functions of each purpose, by the name under which the model calls them."""
ENDING = frozenset({"ask_human", "finish"})
"""Tools that end or stop the work; in a reply with several calls they come last."""


@lru_cache(maxsize=len(Purpose))
def toolbox(purpose: Purpose = Purpose.WORK) -> Mapping[str, Tool]:
    """Return the tools for a purpose by name."""
    functions = TOOLS[purpose]
    return MappingProxyType(
        {name: Tool(function, replace(schema_of(function), name=name)) for name, function in functions.items()}
    )


def changes_nothing(name: str, given: Any) -> bool:
    """Tell whether a call may safely be run again: it only looks, or only tells something."""
    if name == "str_replace_based_edit_tool":
        return isinstance(given, dict) and given.get("command") == "view"
    return name in {"update_plan", "view", "report_finding", "answer_thread"}


def edits_files(name: str, given: Any) -> bool:
    """Tell whether a call writes a file with the editor."""
    return name == "str_replace_based_edit_tool" and not changes_nothing(name, given)
