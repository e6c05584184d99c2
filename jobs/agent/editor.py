"""The file editor behind ``str_replace_based_edit_tool``: view, create, str_replace and insert, through the sandbox."""

from __future__ import annotations

import posixpath
import re
import shlex
from typing import TYPE_CHECKING

from jobs.agent.context import cut, readable
from jobs.types import SandboxFileError

if TYPE_CHECKING:
    from jobs.types import Sandbox

ROOTS = ("/workspace", "/tmp")  # noqa: S108 - paths in the sandbox
FILE_LIMIT = 4_000_000
LISTED = 400
AROUND = 4
LISTING_TIMEOUT = 20.0
NOT_A_FOLDER = 3


class ToolProblem(Exception):
    """A tool could not do what the model wanted; the message is the tool's result."""


def place(path: str) -> str:
    """Return the absolute path in the sandbox, or refuse one that is not below the workspace or the scratch folder."""
    whole = posixpath.normpath(posixpath.join(ROOTS[0], path))
    if "\x00" in path or not any(whole == root or whole.startswith(f"{root}/") for root in ROOTS):
        raise ToolProblem(f"{path} is outside {ROOTS[0]} and {ROOTS[1]}; this tool works only below these.")
    return whole


def view(sandbox: Sandbox, path: str, view_range: list[int] | None) -> str:
    """Show a file with line numbers, or what a folder holds, two levels deep."""
    where = place(path)
    try:
        data = sandbox.read(where, limit=FILE_LIMIT)
    except SandboxFileError as error:
        listing = _listing(sandbox, where)
        if listing is None:
            raise ToolProblem(f"{path} cannot be read: {error}") from None
        return listing
    if b"\x00" in data[:8000]:
        raise ToolProblem(f"{path} is a binary file of {len(data)} bytes; look at it with bash.")
    lines = readable(data.decode("utf-8", "replace")).split("\n")
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    first, last = _bounds(view_range, len(lines))
    shown = cut(_numbered(lines[first - 1 : last], first))
    return shown if data else f"{path} is empty."


def _listing(sandbox: Sandbox, where: str) -> str | None:
    quoted = shlex.quote(where)
    command = (
        f"[ -d {quoted} ] || exit {NOT_A_FOLDER}; cd {quoted} && find . -mindepth 1 -maxdepth 2 "
        "\\( -name .git -o -name node_modules -o -name __pycache__ -o -name .venv \\) -prune -o "
        f"-mindepth 1 -maxdepth 2 \\( -type d -printf '%P/\\n' -o -printf '%P\\n' \\) | sort | head -n {LISTED + 1}"
    )
    result = sandbox.run(command, timeout=LISTING_TIMEOUT)
    if result.exit_code == NOT_A_FOLDER:
        return None
    names = readable(result.output).splitlines()
    more = f"\n[… more than {LISTED} entries; look deeper with bash …]" if len(names) > LISTED else ""
    return f"{where} holds, two levels deep:\n" + "\n".join(names[:LISTED]) + more


def _bounds(view_range: list[int] | None, count: int) -> tuple[int, int]:
    if not view_range:
        return 1, count
    if len(view_range) != 2:  # noqa: PLR2004 - first and last
        raise ToolProblem("`view_range` takes two numbers: the first and the last line; -1 as the last means the end.")
    first, last = view_range[0], count if view_range[1] == -1 else view_range[1]
    if not 1 <= first <= last or first > count:
        raise ToolProblem(f"`view_range` {view_range} does not fit: the file has {count} lines.")
    return first, min(last, count)


def _numbered(lines: list[str], first: int) -> str:
    return "\n".join(f"{number:6}\t{line}" for number, line in enumerate(lines, first))


def create(sandbox: Sandbox, path: str, text: str) -> str:
    """Write a whole file; one that is there is replaced."""
    _write(sandbox, place(path), path, text)
    return f"{path} was written: {len(text.splitlines())} lines."


def replace(sandbox: Sandbox, path: str, old: str, new: str) -> str:
    """Replace the one place where ``old`` stands; nowhere or several places is a problem that is explained."""
    if not old:
        raise ToolProblem("`old_str` is empty. Use `insert` to add lines, or `create` to write a whole file.")
    where = place(path)
    text = _text(sandbox, where, path)
    if old not in text and "\r\n" in text:
        old, new = (part.replace("\r\n", "\n").replace("\n", "\r\n") for part in (old, new))
    found = text.count(old)
    if found == 0:
        raise ToolProblem(f"`old_str` does not stand in {path}, letter by letter.{_nearly(text, old)}")
    if found > 1:
        lines = ", ".join(str(text.count("\n", 0, match.start()) + 1) for match in re.finditer(re.escape(old), text))
        raise ToolProblem(f"`old_str` stands in {path} {found} times, from lines {lines}. Give more around it.")
    at = text.index(old)
    changed = text[:at] + new + text[at + len(old) :]
    _write(sandbox, where, path, changed)
    first = text.count("\n", 0, at) + 1
    return _around(path, changed, first, first + new.count("\n"))


def _nearly(text: str, old: str) -> str:
    """Help a model whose spaces are wrong: say where the text stands if white space is not looked at."""
    words = old.split()
    match = re.search(r"\s+".join(map(re.escape, words)), text) if 0 < len(words) <= 500 else None  # noqa: PLR2004
    if match is None:
        return " View the file and copy the text from there."
    return (
        f" With other white space it stands at line {text.count(chr(10), 0, match.start()) + 1}: copy it from a view."
    )


def insert(sandbox: Sandbox, path: str, line: int, text: str) -> str:
    """Insert whole lines after a line; 0 is the beginning of the file."""
    where = place(path)
    lines = _text(sandbox, where, path).splitlines(keepends=True)
    if not 0 <= line <= len(lines):
        raise ToolProblem(f"`insert_line` {line} does not fit: {path} has {len(lines)} lines, 0 is before the first.")
    ending = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    added = text.replace("\r\n", "\n").removesuffix("\n").replace("\n", ending) + ending
    if line and not lines[line - 1].endswith("\n"):
        lines[line - 1] += ending
    changed = "".join([*lines[:line], added, *lines[line:]])
    _write(sandbox, where, path, changed)
    return _around(path, changed, line + 1, line + added.count("\n"))


def _around(path: str, text: str, first: int, last: int) -> str:
    lines = text.splitlines()
    start = max(1, first - AROUND)
    shown = _numbered(lines[start - 1 : last + AROUND], start)
    return cut(f"{path} was changed. It now reads there:\n{readable(shown)}")


def _text(sandbox: Sandbox, where: str, path: str) -> str:
    """Read a file so that bytes which are no UTF-8 survive being written back."""
    try:
        return sandbox.read(where, limit=FILE_LIMIT).decode("utf-8", "surrogateescape")
    except SandboxFileError as error:
        raise ToolProblem(f"{path} cannot be read: {error}") from None


def _write(sandbox: Sandbox, where: str, path: str, text: str) -> None:
    try:
        sandbox.write(where, text.encode("utf-8", "surrogateescape"))
    except SandboxFileError as error:
        raise ToolProblem(f"{path} cannot be written: {error}") from None
    except UnicodeEncodeError:
        raise ToolProblem("The text holds half a Unicode character and cannot be written.") from None
