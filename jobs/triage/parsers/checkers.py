"""Checkers that name a place and a rule: types (mypy, pyright), lint (ruff, flake8, pylint, eslint, shellcheck …)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.triage.failures import Section, failed
from jobs.types import FailureKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jobs.types import Failure

WORDS = ("error", "warning", ":", "[Failed]", "Failed")
_PLACE = r"((?:[A-Za-z]:[\\/])?[^\s:][^:\n]{0,300}?"
_MYPY = re.compile(rf"^{_PLACE}\.pyi?):(\d+)(?::\d+)?(?::\d+:\d+)?: error: (.+?)(?:  \[([a-z][\w-]*)\])?$")
_RULE = re.compile(r"(?:^| )(?:\[[a-z][\w-]*\]|\(report\w+\))$")
_PYRIGHT = re.compile(rf"^ *{_PLACE}\.pyi?):(\d+):\d+ - error: (.+?)(?: \((report\w+)\))?$")
_CODE = re.compile(
    rf"^{_PLACE}\.(?:pyi?|ipynb|toml)):(?:cell \d+:)?(\d+):\d+: ([A-Z]{{1,10}}\d{{1,5}}|invalid-syntax):? (.+)$"
)
_PYLINT = re.compile(r"^(.+) \(([a-z][a-z\d-]+)\)$")
_FULL = re.compile(r"^([A-Z]{1,10}\d{1,5}|invalid-syntax|error\[[a-z-]+\])(?: \[\*\])?:? (?:\[\*\] )?(.+)$")
_ARROW = re.compile(rf"^ *--> {_PLACE}\.(?:pyi?|ipynb|toml)):(\d+):\d+$")
_FILE = re.compile(r"^((?:/|[A-Za-z]:\\|\.{0,2}/)?[\w@.()\[\]\-+/\\]{1,300}\.\w{1,10})$")
_STYLISH = re.compile(
    r"^ +(\d+):(\d+)  +(?:\u2716  )?(error|warning)?  *(.+?)(?:  +((?:@[\w-]+/)?[\w/-]+)| \(([\w-]+)\))?$"
)
_STYLELINT = re.compile(r"^ +(\d+):(\d+)  [\u2716\u00d7]  (.+?)  +([\w/-]+)$")
_ESLINT_UNIX = re.compile(
    rf"^{_PLACE}\.(?:[cm]?[jt]sx?|vue)): line (\d+), col \d+, Error - (.+?) \(([\w@/-]+)\)$"
    rf"|^([^\s:]{{1,300}}\.(?:[cm]?[jt]sx?|vue)):(\d+):\d+: (.+) \[Error/([\w@/-]+)\]$"
)
_BIOME = re.compile(r"^([^\s:]{1,300}\.\w{1,8}):(\d+):\d+ (lint/[\w/]+|parse|assist/[\w/]+)\b[\s\w]* \u2501+$")
_SHELL = re.compile(r"^In (\S{1,300}) line (\d+):$")
_SHELL_RULE = re.compile(r"^\s*\^-*\^? (SC\d+)(?: \(\w+\))?: (.+)$")
_RUBOCOP = re.compile(
    r"^([^\s:]{1,300}\.(?:rb|rake|gemspec|ru)|Gemfile"
    r"|Rakefile):(\d+):\d+: [CWEFR]: (?:\[Correctable\] )?([A-Z]\w+/[\w/]+): (.+)$"
)
_MARKDOWN = re.compile(r"^([^\s:]{1,300}\.(?:md|markdown|mdx)):(\d+)(?::\d+)?(?: error)? (MD\d{3})/\S+ (.+)$")
_ACTIONLINT = re.compile(r"^([^\s:]{1,300}\.ya?ml):(\d+):\d+: (.+) \[([a-z-]+)\]$")
_HADOLINT = re.compile(r"^([^\s:]{1,300}):(\d+) (DL\d+|SC\d+) (?:\w+: )?(.+)$")
_HOOK = re.compile(r"^(\S.{0,100}?)\.{3,}(?:\(.{1,60}\))?Failed$")
_HOOK_END = re.compile(r"\.{3,}(?:\(.{1,60}\))?(?:Passed|Failed|Skipped)$|^pre-commit hook")
_OTHERS = re.compile(r"^[^\s:]{1,300}:\d+(?::\d+)?: |would reformat |Would reformat: ")
_HOOK_ID = re.compile(r"^- hook id: (\S+)$")


def parse(section: Section) -> Iterator[Failure]:
    """Yield what checkers complain of."""
    lines = section.lines
    linter = "ruff" if _is_ruff(section) else "flake8"
    for at, line in enumerate(lines):
        if ":" not in line:
            continue
        excerpt = "\n".join(lines[at : at + 4])
        if ": error: " in line or " - error: " in line:
            line = _whole(lines, at)  # noqa: PLW2901 - the line as it was before it was wrapped
        failure = _python(line, linter, excerpt) or next((one for read in _LINES if (one := read(line, excerpt))), None)
        if failure:
            yield failure
    text = section.text
    if " --> " in text:
        yield from _arrows(lines)
    if "\u2716 " in text or "problem" in text or re.search(r"^ +\d+:\d+  +(?:error|\u2716)", text, re.MULTILINE):
        yield from _stylish(lines, section)
    if " line " in text and "SC" in text:
        yield from _shell(lines)
    if "- hook id: " in text:
        yield from _hooks(lines)


def _whole(lines: list[str], at: int) -> str:
    """Return a line with its rule, which mypy wraps and pyright tells after an explanation."""
    line = lines[at].rstrip()
    if _RULE.search(line):
        return line
    for following in lines[at + 1 : at + 6]:
        ended = _RULE.search(following)
        if " - error: " in line and following[:1].isspace():
            if ended:
                return f"{line} {ended.group().strip()}"
        elif " - error: " not in line and following and not following.startswith(" ") and ": " not in following[:40]:
            line = f"{line} {following.strip()}"
            if ended:
                return f"{line.removesuffix(ended.group().strip()).rstrip()}  {ended.group().strip()}"
        else:
            break
    return lines[at].rstrip()


def _python(line: str, linter: str, excerpt: str) -> Failure | None:
    if ": error: " in line and (found := _MYPY.match(line)):
        return failed("mypy", FailureKind.TYPES, found[4] or "error", found[3], found[1], found[2], excerpt)
    if " - error: " in line and (found := _PYRIGHT.match(line)):
        return failed("pyright", FailureKind.TYPES, found[4] or "error", found[3], found[1], found[2], excerpt)
    if found := _CODE.match(line):
        if pylint := _PYLINT.match(found[4]) if re.match(r"[CRWEF]\d{4}$", found[3]) else None:
            return failed("pylint", FailureKind.LINT, pylint[2], pylint[1], found[1], found[2], excerpt)
        return failed(linter, FailureKind.LINT, found[3], found[4].removeprefix("[*] "), found[1], found[2], excerpt)
    return None


def _is_ruff(section: Section) -> bool:
    text = section.text
    if "flake8" in section.command and "ruff" not in section.command:
        return False
    return (
        "ruff" in section.command
        or "with the `--fix` option" in text
        or "[*] " in text
        or bool(re.search(r"^Found \d+ errors?\.", text, re.MULTILINE))
    )


def _pattern(pattern: re.Pattern[str], tool: str) -> Callable[[str, str], Failure | None]:
    """Return a reader of lines that hold path, line, rule and message, in this order."""

    def read(line: str, excerpt: str) -> Failure | None:
        found = pattern.match(line)
        return found and failed(tool, FailureKind.LINT, found[3], found[4], found[1], found[2], excerpt)

    return read


def _eslint_unix(line: str, excerpt: str) -> Failure | None:
    found = _ESLINT_UNIX.match(line)
    if not found:
        return None
    path, number, message, rule = (part for part in found.groups() if part is not None)
    return failed("eslint", FailureKind.LINT, rule, message, path, number, excerpt)


def _biome(line: str, excerpt: str) -> Failure | None:
    found = _BIOME.match(line)
    if not found:
        return None
    told = [one.strip(" \u2716\u00d7") for one in excerpt.split("\n")[1:] if one.strip()]
    return failed("biome", FailureKind.LINT, found[3], told[0] if told else "", found[1], found[2], excerpt)


def _actionlint(line: str, excerpt: str) -> Failure | None:
    found = _ACTIONLINT.match(line)
    return found and failed("actionlint", FailureKind.LINT, found[4], found[3], found[1], found[2], excerpt)


_LINES = (
    _pattern(_RUBOCOP, "rubocop"),
    _pattern(_MARKDOWN, "markdownlint"),
    _pattern(_HADOLINT, "hadolint"),
    _eslint_unix,
    _biome,
    _actionlint,
)


def _arrows(lines: list[str]) -> Iterator[Failure]:
    """Yield what ruff and ty show with the code around it: rule and message, and the place on the next line."""
    for at, line in enumerate(lines[:-1]):
        found, arrow = _FULL.match(line), _ARROW.match(lines[at + 1])
        if found and arrow and not (found[1].startswith("error[E") and arrow[1].endswith(".rs")):
            types = found[1].startswith("error[")
            rule = found[1].removeprefix("error[").removesuffix("]")
            excerpt = "\n".join(lines[at : at + 10])
            yield failed(
                "ty" if types else "ruff",
                FailureKind.TYPES if types else FailureKind.LINT,
                rule,
                found[2],
                arrow[1],
                arrow[2],
                excerpt,
            )


def _stylish(lines: list[str], section: Section) -> Iterator[Failure]:
    """Yield what eslint, stylelint and yamllint say below the name of each file."""
    path = ""
    for at, line in enumerate(lines):
        if found := _FILE.match(line):
            path = found[1]
        elif not line.strip():
            path = path if at + 1 < len(lines) and _STYLISH.match(lines[at + 1]) else ""
        elif path and (found := _STYLELINT.match(line)):
            yield failed("stylelint", FailureKind.LINT, found[4], found[3], path, found[1], f"{path}\n{line}")
        elif path and (found := _STYLISH.match(line)) and found[3] == "error":
            tool = "yamllint" if path.endswith((".yml", ".yaml")) and "eslint" not in section.command else "eslint"
            yield failed(
                tool, FailureKind.LINT, found[5] or found[6] or "error", found[4], path, found[1], f"{path}\n{line}"
            )


def _shell(lines: list[str]) -> Iterator[Failure]:
    path = line = ""
    for text in lines:
        if found := _SHELL.match(text):
            path, line = found[1], found[2]
        elif path and (found := _SHELL_RULE.match(text)):
            yield failed("shellcheck", FailureKind.LINT, found[1], found[2], path, line, f"{path}:{line}\n{text}")


def _hooks(lines: list[str]) -> Iterator[Failure]:
    """Yield the hooks of pre-commit that only change files; what others print is read by its own parser."""
    for at, line in enumerate(lines[:-1]):
        found, name = _HOOK.match(line), _HOOK_ID.match(lines[at + 1])
        if found and name:
            block = lines[
                at : next((end for end in range(at + 2, len(lines)) if _HOOK_END.search(lines[end])), len(lines))
            ][:30]
            if any(_OTHERS.match(one) for one in block):
                continue
            words = next((one[2:] for one in block if one.startswith("- files were modified")), "the hook failed")
            yield failed("pre-commit", FailureKind.LINT, name[1], f"{name[1]}: {words}", excerpt="\n".join(block))
