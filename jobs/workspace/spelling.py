"""How a path reads to the file systems and servers that may meet it: case, invisible characters, Windows' habits."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# HFS+ ignores these in names; most readers do not see them.
# https://github.com/git/git/blob/master/utf8.c, next_hfs_char; direction marks and tags are ours to add.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_LONGEST_NAME, _LONGEST_PATH = 255, 3500
"""In bytes: what Linux takes, with room for where somebody's checkout is."""
_SHORT_NAME = re.compile(r"[^.~]{1,6}~[0-9]{1,4}(?:\.[^.]{0,3})?", re.IGNORECASE)
_SEPARATOR = re.compile(r"[/\\]")
_USUAL = re.compile(r"(?:[A-Za-z0-9_.@+~-]*[A-Za-z0-9_@+~-]/)*[A-Za-z0-9_.@+~-]*[A-Za-z0-9_@+~-]")


@lru_cache(maxsize=16384)
def plain(path: str) -> str:
    """Return the path as the most forgiving reader takes it: lower case, visible characters, Windows' trimmings off."""
    if _USUAL.fullmatch(path):
        return path.lower()
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", path)).casefold()
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
    pieces = [piece.split(":")[0].rstrip(". ") or piece for piece in _SEPARATOR.split(text)]
    return "/".join(piece for piece in pieces if piece)


def is_git_folder(path: str) -> bool:
    """Tell whether some system takes a part of this path for ``.git``."""
    return not {".git", "git~1"}.isdisjoint(plain(path).split("/"))


def is_submodule_list(path: str) -> bool:
    """Tell whether some system takes a part of this path for ``.gitmodules``."""
    return any(
        piece == ".gitmodules" or re.fullmatch(r"(?:gitmod|gi7eba)~\d", piece) for piece in plain(path).split("/")
    )


def odd_name(path: str) -> str:
    """Return what is wrong with a new file's name, or nothing."""
    if any("\udc80" <= character <= "\udcff" for character in path):
        return "the name is not UTF-8"
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in path):
        return "the name has control characters"
    if _INVISIBLE.search(path):
        return "the name has invisible characters"
    if len(path.encode()) > _LONGEST_PATH or any(len(piece.encode()) > _LONGEST_NAME for piece in path.split("/")):
        return "the name is too long to be checked out"
    return next(filter(None, map(_odd_piece, path.split("/"))), "")


def _odd_piece(piece: str) -> str:
    if piece in {"", ".", ".."}:
        return "the name leaves its folder"
    if piece != piece.rstrip(". ") or ":" in piece or "\\" in piece:
        return "the name means another one on Windows"
    if _SHORT_NAME.fullmatch(piece):
        return "the name reads as Windows' short form of another one"
    return ""


def glob(pattern: str) -> re.Pattern[str]:
    """Compile a pattern over ``plain`` paths: ``*`` and ``?`` in a folder, ``**`` across; without a slash, anywhere.

    A pattern also covers everything below the folder that it names.
    """
    text = plain(pattern.removesuffix("/**")) if pattern not in {"**", "/**"} else "**"
    anywhere = "/" not in pattern.removesuffix("/").removesuffix("/**")
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = [meaning.get(piece, re.escape(piece)) for piece in re.split(r"(\*\*/|\*\*|\*|\?)", text)]
    start = "(?:.*/)?" if anywhere else ""
    return re.compile(f"{start}{''.join(parts)}(?:/.*)?", re.DOTALL)


def fixed_folders(pattern: str) -> list[str]:
    """Return the ``plain`` folders that lead to what a pattern names: a file or link in their place would hide it."""
    names: list[str] = []
    for component in plain(pattern.removesuffix("/**")).split("/")[:-1]:
        if re.search(r"[*?]", component):
            break
        names.append("/".join([*names[-1:], component]))
    return names
