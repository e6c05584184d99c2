"""One table of what people may tell the bot, wherever; help texts, registrations and documents are made from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Who(StrEnum):
    """Who may give a command."""

    ANYONE = "anyone"
    LOOK = "who may see the repository"
    WORK = "who may push to the repository"
    OPERATOR = "operators"


class Takes(StrEnum):
    """What an argument is."""

    TASK = "task"
    TEXT = "text"
    WORD = "word"
    PULL = "pull request"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a command; a task can be left out where the place tells which one is meant."""

    name: str
    takes: Takes
    help: str
    required: bool = True
    choices: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """How help texts write it."""
        inside = self.name if self.name.startswith("by ") else "/".join(self.choices) or self.name
        if self.choices and self.required:
            return inside
        return f"<{inside}>" if self.required else f"[{inside}]"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table; the example is a whole command without what stands before it on each surface."""

    name: str
    arguments: tuple[Argument, ...]
    who: Who
    help: str
    example: str
    options: bool = False
    """Whether ``--repo`` and its like may stand before the text."""

    @property
    def usage(self) -> str:
        """The name with its arguments."""
        return " ".join([self.name, *(argument.shown for argument in self.arguments)])

    @property
    def text(self) -> Argument | None:
        """The argument that takes the rest of the words, over several lines."""
        return next((argument for argument in self.arguments if argument.takes is Takes.TEXT), None)

    @property
    def pull(self) -> Argument | None:
        """The argument that names a pull request."""
        return next((argument for argument in self.arguments if argument.takes is Takes.PULL), None)

    @property
    def task(self) -> Argument | None:
        """The argument that names a task."""
        return next((argument for argument in self.arguments if argument.takes is Takes.TASK), None)


LEVELS = ("high", "normal", "low")
PERIODS = ("day", "week", "month")
KEYS = ("by repo", "by person", "by model")

_ID = Argument("id", Takes.TASK, "the task")
_ANY = Argument("id", Takes.TASK, "the task; all that run if left out", required=False)
_ARGUMENT = {
    "task": Argument("task", Takes.TEXT, "what is to be done"),
    "text": Argument("text", Takes.TEXT, "what to say"),
    "question": Argument("question", Takes.TEXT, "what you want to know"),
    "why": Argument("why", Takes.TEXT, "the reason"),
    "changed": Argument("changed task", Takes.TEXT, "the task in other words", required=False),
    "level": Argument("level", Takes.WORD, "how urgent it is", choices=LEVELS),
    "model": Argument("model", Takes.WORD, "the name of the model"),
    "number": Argument("n", Takes.NUMBER, "how many tasks may run at once"),
    "about": Argument("id or link", Takes.WORD, "a task, or the link of an issue or pull request", required=False),
    "period": Argument("period", Takes.WORD, "since when", required=False, choices=PERIODS),
    "key": Argument(
        "by repo/person/model",
        Takes.WORD,
        "how to split it",
        required=False,
        choices=KEYS,
    ),
    "code": Argument("code", Takes.WORD, "the code that the bot gave you in a chat", required=False),
    "command": Argument("command", Takes.TEXT, "which command", required=False),
    "pull": Argument("pull request", Takes.PULL, "the number or the link of a pull request", required=False),
}
_A = _ARGUMENT

TABLE = (
    Entry("bg", (_A["task"],), Who.WORK, "start a background task",
          "bg add a --json flag to the export command", options=True),
    Entry("bg status", (_ANY,), Who.LOOK, "list what runs, or tell how far one task is", "bg status 7f3c9a"),
    Entry("bg cancel", (_ID,), Who.WORK, "end the work", "bg cancel 7f3c9a"),
    Entry("bg review", (_ID,), Who.LOOK, "look at the work: what was done, the checks, the diff", "bg review 7f3c9a"),
    Entry("bg merge", (_ID,), Who.WORK, "mark the pull request as ready and merge it, if GitHub's rules allow it",
          "bg merge 7f3c9a"),
    Entry("answer", (_ID, _A["text"]), Who.WORK, "answer the agent's question, and let it go on",
          "answer 7f3c9a use the second option"),
    Entry("steer", (_ID, _A["text"]), Who.WORK, "tell the working agent something; it hears it at its next step",
          "steer 7f3c9a keep the old function as an alias"),
    Entry("pause", (_ID,), Who.WORK, "stop after the current step and wait", "pause 7f3c9a"),
    Entry("resume", (_ID,), Who.WORK, "go on after a pause", "resume 7f3c9a"),
    Entry("retry", (_ID,), Who.WORK, "start again from the beginning", "retry 7f3c9a"),
    Entry("clone", (_ID, _A["changed"]), Who.WORK, "start the same task again beside it, in other words if you like",
          "clone 7f3c9a but for the import command"),
    Entry("priority", (_ID, _A["level"]), Who.WORK, "put a task before others, or after them", "priority 7f3c9a high"),
    Entry("reassign", (_ID, _A["model"]), Who.WORK, "have another model go on with a task",
          "reassign 7f3c9a claude-opus-5-5"),
    Entry("ask", (_A["question"],), Who.WORK, "ask about the code; nothing is changed",
          "ask where are the sessions stored?", options=True),
    Entry("plan", (_A["task"],), Who.WORK, "make a plan first; the work starts when it is approved",
          "plan move the sessions to Redis", options=True),
    Entry("fix", (_A["pull"],), Who.WORK,
          "find out why CI is red, and mend it: of a pull request, or of the default branch", "fix 12", options=True),
    Entry("address", (_A["pull"],), Who.WORK, "work on the open review threads of a pull request", "address 12",
          options=True),
    Entry("review", (_A["pull"],), Who.WORK, "review a pull request", "review 12", options=True),
    Entry("update", (_A["pull"],), Who.WORK, "merge the base into one of the bot's pull requests, conflicts and all",
          "update 12", options=True),
    Entry("approve", (_ID,), Who.WORK, "approve a plan or a mend, and let the work start", "approve 7f3c9a"),
    Entry("reject", (_ID, _A["why"]), Who.WORK,
          "reject a plan, which is made anew with your reason, or a mend, which is then left to you",
          "reject 7f3c9a no new dependency, please"),
    Entry("mission status", (), Who.LOOK, "the whole fleet: what runs, waits and was spent", "mission status"),
    Entry("mission agents", (), Who.LOOK, "what each agent is doing now", "mission agents"),
    Entry("mission", (_ID,), Who.LOOK, "one task with its plan, step by step", "mission 7f3c9a"),
    Entry("mission pause all", (), Who.OPERATOR, "pause every task, and start no other", "mission pause all"),
    Entry("mission resume all", (), Who.OPERATOR, "go on after that", "mission resume all"),
    Entry("mission scale", (_A["number"],), Who.OPERATOR, "how many tasks may run at once", "mission scale 4"),
    Entry("why", (_A["about"],), Who.LOOK, "why something ran or did not: the decision and its reason", "why 7f3c9a"),
    Entry("cost", (_A["period"], _A["key"]), Who.LOOK, "what was spent", "cost week by repo"),
    Entry("link", (_A["code"],), Who.ANYONE, "link your chat account with your GitHub login", "link"),
    Entry("unlink", (), Who.ANYONE, "undo that", "unlink"),
    Entry("whoami", (), Who.ANYONE, "who the bot takes you for", "whoami"),
    Entry("help", (_A["command"],), Who.ANYONE, "this list, or more about one command", "help bg merge"),
)  # fmt: skip
ENTRIES: Mapping[str, Entry] = {entry.name: entry for entry in TABLE}

ALIASES: Mapping[str, str] = {
    "status": "bg status",
    "cancel": "bg cancel",
    "background": "bg",
}
PLAIN = "plain"
"""The name of words that were said to the bot without a command: the place tells what they are."""
OPTIONS: Mapping[str, str] = {
    "repo": "the repository, as owner/name",
    "base": "the branch to start from; of `fix`, the one whose CI is red",
    "mode": "conservative, balanced or aggressive",
    "model": "the model to use",
    "dollars": "the most that it may cost, in US dollars",
    "priority": "high, normal or low",
}


@dataclass(frozen=True, slots=True)
class Command:
    """Something that a person told the bot; ``problem`` says in words why it cannot be carried out.

    ``target`` is what looks like the id of a task; ``text`` is the rest, ``whole`` both together, since a word of the
    text may look like an id.
    """

    name: str
    text: str = ""
    problem: str = ""
    target: str = ""
    whole: str = ""
    options: Mapping[str, str] = field(default_factory=dict, hash=False)


def options_of(entry: Entry) -> dict[str, str]:
    """Return the options that a command takes; a pull request has its base already."""
    if not entry.options:
        return {}
    without = {"base"} if entry.pull is not None and entry.name != "fix" else set()
    return {name: words for name, words in OPTIONS.items() if name not in without}


def help_lines(entry: Entry) -> list[str]:
    """Return the sentences about one command."""
    options = ", ".join(f"`--{name}` ({words})" for name, words in options_of(entry).items())
    lines = [f"`/opus {entry.usage}`: {entry.help}.", f"For example: `/opus {entry.example}`"]
    if entry.task is not None:
        lines.append("On an issue or pull request, and in the thread of a task, the id can be left out.")
    if entry.pull is not None:
        lines.append("On a pull request, and in the thread of its task, its number can be left out.")
    if entry.options:
        lines.append(f"Before {'it' if entry.pull else 'the text'} may stand {options}.")
    return [*lines, f"Who may: {entry.who}."]
