"""Text to commands: the pure readers of what people say; nothing that anybody writes makes them raise."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from bot.commands import ALIASES, ENTRIES, OPTIONS, PLAIN, Command, Takes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.commands import Argument, Entry

MENTION = "@opus67"
MOST_COMMANDS = 20
"""In one comment: each costs calls of GitHub's, whoever wrote it."""
TOO_MANY = f"A comment may hold {MOST_COMMANDS} commands; those behind them were not read. Say them in another one."
_COMMAND = re.compile(
    r"^/opus(?:[ \t]+(?P<slash>.*))?$|^@opus67(?:\[bot\])?(?![\w-])[ \t,:]*(?P<mention>.*)$", re.IGNORECASE
)
_FENCE = re.compile(r"^ {0,3}(`{3,}(?=[^`]*$)|~{3,})")
"""A line that opens or closes a code block; with backticks behind the backticks it is code inside a line."""
_HTML_CODE = re.compile(r" {0,3}<(pre|script|style|textarea)(?:[ \t>]|$)", re.IGNORECASE)
"""What begins a block that GitHub shows as it stands, or not at all (https://spec.commonmark.org/0.31.2/#html-blocks)."""
_TASK_ID = re.compile(r"[`#]?([0-9a-f]{6,12})[`,.:]?")
_OPTION = re.compile(r"(?:--|\u2014|\u2013)([a-z]+)(?:=|\s+)(\"[^\"]*\"|\S+)\s*", re.IGNORECASE)
"""Telephones make a dash of two hyphens."""
_NUMBER = re.compile(r"[0-9]{1,6}", re.ASCII)
_LONE_OPTION = re.compile(r"(?:--|\u2014|\u2013)([a-z]+)\s*$", re.IGNORECASE)
_REPO_BEHIND = re.compile(r"\s(?:--|\u2014|\u2013)repo[=\s]+([\w.-]+/[\w.-]+)\s*$", re.IGNORECASE)
"""The one option that cannot be part of a sentence is understood behind it, too."""
_PULL = re.compile(r"#?([0-9]{1,9})|https?://[^/\s]+/[\w.-]+/[\w.-]+/pull/[0-9]{1,9}\b\S*", re.ASCII)
"""The number or the link of a pull request."""
_MOST_WORDS = 3
_SHOWN = 40


def parse(comment: str) -> tuple[Command, ...]:
    """Return the commands of a comment: lines that begin with /opus or @opus67, outside code and quotes; never raises.

    Text goes on over the following lines, up to the next command. What nobody sees in the comment is not said by it.
    """
    found: list[tuple[list[str], bool]] = []
    for line, heard in _lines(comment):
        if heard is not None:
            if len(found) == MOST_COMMANDS:
                break
            found.append(([heard[0]], heard[1]))
        elif found:
            found[-1][0].append(line)
    else:
        return _read_all(found)
    return (*_read_all(found), Command("help", problem=TOO_MANY))


def _read_all(found: list[tuple[list[str], bool]]) -> tuple[Command, ...]:
    return tuple(read("\n".join(lines), mentioned=mentioned, several=True) for lines, mentioned in found)


def read(words: str, *, mentioned: bool = False, several: bool = False) -> Command:
    """Return the command in what one person said at once; never raises.

    With ``mentioned`` plain words are no mistake; with ``several`` lines behind a command that takes no text are not
    meant for it.
    """
    words = words.strip()
    if not words:
        return Command("help")
    first, _, more = words.partition("\n")
    name, rest = _name(first)
    if not name:
        return Command(PLAIN, words, whole=words) if mentioned else _unknown(words)
    entry = ENTRIES[name]
    if more and (not several or (entry.text is not None and name != "help")):
        rest = f"{rest}\n{more}".strip()
    if entry.pull is not None and mentioned and _is_sentence(rest):
        return Command(PLAIN, words, whole=words)  # `@opus67 fix the login page` is somebody's task
    return _fill(entry, rest)


def nearest(words: str) -> str:
    """Return the command, or its short form, that words were probably meant for; or nothing."""
    typed, names = words.lower().split()[:_MOST_WORDS], [*ENTRIES, *ALIASES]
    for length in range(len(typed), 0, -1):
        near = difflib.get_close_matches(" ".join(typed[:length]), names, n=1, cutoff=0.7)
        if near:
            return near[0]
    near = difflib.get_close_matches(typed[0] if typed else "", names, n=1, cutoff=0.5)
    return near[0] if near else ""


def _lines(comment: str) -> Iterator[tuple[str, tuple[str, bool] | None]]:
    """Yield each line outside code blocks and quotes, with the command in it (its words, and whether by mention)."""
    fence, hidden = "", ""
    for line in comment.replace("\r\n", "\n").split("\n"):
        if hidden:
            hidden = "" if hidden in line.lower() else hidden
            continue
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1][0] == fence[0] and len(mark[1]) >= len(fence) and not line.strip(" \t" + fence[0]):
                fence = ""
            continue
        if mark:
            fence = mark[1]
            continue
        if line.startswith((">", "    ", "\t")):
            continue
        hidden = _hides(line)
        match = _COMMAND.match(line)
        if match is None:
            yield line, None
        elif match["mention"] is not None:
            yield line, (match["mention"], True)
        else:
            yield line, (match["slash"] or "", False)


def _hides(line: str) -> str:
    """Return what ends the HTML comment, or the block of code in HTML, that a line begins; else nothing."""
    start = line.rfind("<!--")
    if start >= 0 and "-->" not in line[start:] and line[:start].count("`") % 2 == 0:
        return "-->"
    block = _HTML_CODE.match(line)
    end = f"</{block[1].lower()}>" if block else ""
    return "" if end and end in line.lower() else end


def _name(line: str) -> tuple[str, str]:
    """Return the command that a line begins with, as the table calls it, and what follows; or nothing."""
    words = line.split(maxsplit=_MOST_WORDS)
    for length in range(min(_MOST_WORDS, len(words)), 0, -1):
        typed = " ".join(words[:length]).lower()
        typed = typed.removesuffix(":") if length == 1 else typed
        name = ALIASES.get(typed, typed)
        if name in ENTRIES:
            rest = line.split(maxsplit=length)[length:]
            return _settle(name, rest[0].strip() if rest else "")
    return "", line


def _settle(name: str, rest: str) -> tuple[str, str]:
    """Tell a word of the table from the first word of somebody's task: `bg review the login page` is a task."""
    if not rest and name in {"bg", "mission"}:
        return f"{name} status", ""
    group, _, action = name.partition(" ")
    if group == "bg" and action and rest and len(rest.split()) > 1 and not _is_id(rest.split(maxsplit=1)[0]):
        return "bg", f"{action} {rest}"
    return name, rest


def _is_id(word: str) -> bool:
    return _TASK_ID.fullmatch(word.lower()) is not None


def _is_sentence(rest: str) -> bool:
    """Tell whether words go on behind a command that takes nothing but a pull request and options."""
    _, left, problem = _options(rest)
    return not problem and bool(left) and _PULL.fullmatch(left) is None


def _fill(entry: Entry, rest: str) -> Command:
    """Read the arguments behind a command's name."""
    options, rest, problem = _options(rest) if entry.options else ({}, rest, "")
    problem = problem or (_slip(entry.name, rest) if entry.name in {"bg", "mission"} else "")
    if problem:
        return Command("help", problem=problem)
    whole, target = rest, ""
    words = rest.split(maxsplit=1)
    if entry.task is not None and words and (match := _TASK_ID.fullmatch(words[0].lower())):
        target, rest = match[1], words[1] if len(words) > 1 else ""
    if not entry.options and (match := _LONE_OPTION.match(rest) or _OPTION.match(rest)):
        return Command("help", problem=f"`/opus {entry.name}` takes no options such as `--{_shown(match[1])}`.")
    rest, problem = _arguments(entry, rest.strip(), target)
    if problem:
        return Command("help", problem=problem, target=target)
    return Command(entry.name, rest, target=target, whole=whole, options=options)


def _arguments(entry: Entry, rest: str, target: str) -> tuple[str, str]:
    """Check what follows the task; return it in the table's spelling, and what is wrong with it."""
    if entry.text is not None:
        missing = entry.text.required and not rest
        return rest, _lacks(entry, f"<{entry.text.name}>") if missing else ""
    left = rest.lower().split()
    given: list[str] = []
    for argument in entry.arguments:
        if argument.takes is Takes.TASK:
            continue
        value, left = _take(argument, left, rest)
        if value:
            given.append(value)
        elif argument.required:
            return "", _lacks(entry, argument.shown)
    if left and entry.pull is not None:
        task = f"`/opus bg {entry.name} {_shown(rest)}`"
        return "", f"`{_shown(left[0])}` is no pull request. {_usage(entry)} A task in your own words: {task}."
    if left:
        what = "is no task id" if entry.task is not None and not target else "does not belong there"
        return "", f"`{_shown(left[0])}` {what}. {_usage(entry)}"
    return " ".join(given), ""


def _take(argument: Argument, left: list[str], rest: str) -> tuple[str, list[str]]:
    """Take one word, or two such as `by repo`, where they fit the argument."""
    for choice in argument.choices:
        parts = choice.split()
        if left[: len(parts)] == parts:
            return choice, left[len(parts) :]
    if argument.choices or not left:
        return "", left
    shape = {Takes.NUMBER: _NUMBER, Takes.PULL: _PULL}.get(argument.takes)
    if shape is not None and not shape.fullmatch(rest.split()[-len(left)]):
        return "", left
    # Names of models and links keep their letters as they were written.
    return rest.split()[-len(left)], left[1:]


def _options(rest: str) -> tuple[dict[str, str], str, str]:
    """Take ``--repo owner/name`` and its like off the front; return them, the rest, and what is wrong with them."""
    options: dict[str, str] = {}
    while match := _OPTION.match(rest):
        name = match[1].lower()
        if name not in OPTIONS:
            return {}, rest, _no_option(name)
        options[name] = match[2].strip('"')
        rest = rest[match.end() :]
    if match := _LONE_OPTION.match(rest):
        name = match[1].lower()
        return {}, rest, f"`--{name}` needs a value: {OPTIONS[name]}." if name in OPTIONS else _no_option(name)
    if match := _REPO_BEHIND.search(rest):
        options.setdefault("repo", match[1])
        rest = rest[: match.start()]
    return options, rest.strip(), ""


def _no_option(name: str) -> str:
    """Say that there is no such option: what somebody mistyped must not become a task that is paid for."""
    near = difflib.get_close_matches(name, OPTIONS, n=1, cutoff=0.6)
    hint = f"Did you mean `--{near[0]}`?" if near else f"There are {', '.join(f'`--{one}`' for one in OPTIONS)}."
    return f"I do not know the option `--{_shown(name)}`. {hint} Words that begin so stand in quotes."


def _slip(group: str, rest: str) -> str:
    """Return what to say to `bg cancle 7f3c9a`, which was hardly meant as a task, and to `mission pause`."""
    words = rest.lower().split()
    if not words or _is_id(words[0]) or len(words) > 1 + _is_id(words[-1]):
        return ""
    actions = {name.split()[1]: name for name in ENTRIES if name.startswith(f"{group} ")}
    near = difflib.get_close_matches(words[0], actions, n=1, cutoff=0.75)
    if not near:
        return ""
    return f"I do not know `{group} {_shown(words[0])}`. Did you mean {_example(ENTRIES[actions[near[0]]])}?"


def _lacks(entry: Entry, what: str) -> str:
    return f"`/opus {entry.name}` needs `{what}`. {_usage(entry)}"


def _usage(entry: Entry) -> str:
    return f"It is used like this: {_example(entry)}."


def _example(entry: Entry) -> str:
    return f"`/opus {entry.example}`"


def _unknown(words: str) -> Command:
    name, near = _shown(words.split(maxsplit=1)[0]), nearest(words)
    entry = ENTRIES.get(ALIASES.get(near, near))
    hint = "`/opus help` lists what there is."
    if entry is not None:
        hint = f"Did you mean `/opus {near}`? For example: {_example(entry)}"
    return Command("help", problem=f"I do not know the command `{name}`. {hint}")


def _shown(word: str) -> str:
    """Return a stranger's word as it can stand between backticks."""
    return word[:_SHOWN].replace("`", "'")
