"""What stays the same of a failure in every run: no times, places, addresses, numbers of processes or orders."""

from __future__ import annotations

import hashlib
import re

_LONGEST = 600
_QUOTES = str.maketrans(dict.fromkeys('\u2018\u2019\u201c\u201d"`\u2032\u00b4', "'"))
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_ROOTS = re.compile(
    r"(?:file://)?(?:"
    r"(?:/home/runner/work|/Users/runner/work|/__w|/home/runner/_work|(?i:[a-z]):/a)/[^/\s:'\"]+/[^/\s:'\"]+/"
    r"|/github/workspace/|/workspaces/[^/\s:'\"]+/|/workspace/|/usr/src/app/|/home/circleci/(?:project|repo)/|/drone/src/"
    r"|/builds/[^/\s:'\"]+/[^/\s:'\"]+/|/var/(?:lib/)?jenkins(?:_home)?/workspace/[^/\s:'\"]+/|/app/|/code/)"
)
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b0[xX][0-9a-fA-F]+\b"), "<address>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (re.compile(r"\b\d{1,4}/\d{1,2}/\d{2,4}\b"), "<time>"),
    (
        re.compile(rf"\b(?:{_MONTHS})[a-z]* \d{{1,2}}(?:,? \d{{4}})?\b|\b\d{{1,2}} (?:{_MONTHS})[a-z]* \d{{4}}\b"),
        "<time>",
    ),
    (re.compile(r"\bdatetime\.\w+\([\d, ]+"), "<time>"),
    (re.compile(r"\b\d\d?:\d\d:\d\d(?:[.,]\d+)?\b"), "<time>"),
    (
        re.compile(
            r"\b\d+(?:\.\d+)? ?(?:ns|us|\u00b5s|\u03bcs|ms|msecs?|milliseconds?|secs?|seconds?|s|minutes?|mins?|m|h)\b"
        ),
        "<duration>",
    ),
    (re.compile(r"(?:/private)?/(?:tmp|var/folders|var/tmp)/[^\s'\",:;()\[\]]*"), "<temporary>"),
    (re.compile(r"(?i:[a-z]):/Users/[^/\s]+/AppData/Local/Temp/[^\s'\",:;()]*"), "<temporary>"),
    (re.compile(r"\bpytest-of-\w+/pytest-\d+/[^\s'\",:;()]*"), "<temporary>"),
    (re.compile(r"\btmp[a-z0-9_]{6,12}\b"), "<temporary>"),
    (re.compile(r"(?i)\b(seed|randomly[_-]seed|random[_-]order[_-]seed)([\s=:]{1,3})\d+"), r"\1\2<seed>"),
    (re.compile(r"(?i)\b(pid|process|thread|worker|goroutine|job)([\s=:#]{1,3})\d+"), r"\1\2<number>"),
    (re.compile(r"(?<=[\w')]) \(\d{3,}\)(?= panicked)"), ""),
    (re.compile(r"\b(Thread|ThreadPoolExecutor|ForkPoolWorker|MainThread|gw)-?\d+(?:_\d+)?\b"), r"\1"),
    (re.compile(r"(?<=[\w.\]]):\d{4,5}\b(?!:)"), ":<port>"),
    (re.compile(r"(?i)\b(port)([\s=:]{1,3})\d{2,5}\b"), r"\1\2<port>"),
    (re.compile(r"(\.[A-Za-z]\w{0,8}):\d+(?::\d+)?"), r"\1"),
    (re.compile(r"(\.[A-Za-z]\w{0,8})\(\d+(?:,\d+)?\)"), r"\1"),
    (re.compile(r"(?i)\b(lines?|columns?|col|offset)([\s=:]{1,2})\d+"), r"\1"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,64}\b"), "<hash>"),
    (re.compile(r"\b\d{9,}\b"), "<number>"),
)
_FOREIGN = re.compile(
    r"site-packages/|dist-packages/|node_modules/|/lib/python\d|^/(?:usr|opt|nix|rustc|Library)/|^/root/\.|/\.cargo/"
    r"|/go/pkg/mod/|/hostedtoolcache/|^<|^node:|^internal/|/\.rustup/|^(?:java|jdk|sun|org\.junit)\b|/vendor/|/gems/|^java\.base/"
)
_CUT = "..."
"""Stands in a word that a tool cut: where it cuts depends on what is long, such as a temporary path."""
_WORD = re.compile(r"[^\s']+")
_SET = re.compile(r"\{([^{}]{1,300})\}")


def relative(path: str) -> str:
    """Return a path as the repository knows it, as far as the usual places of checkouts tell."""
    path = path.strip().strip("'\"").replace("\\", "/")
    path = _ROOTS.sub("", path, count=1) if _ROOTS.match(path) else path
    path = path.removeprefix("webpack://").removeprefix("file://")
    while path.startswith("./"):
        path = path[2:]
    return path


def is_foreign(path: str) -> bool:
    """Say whether a file belongs to a tool or a dependency and not to the repository."""
    return bool(_FOREIGN.search(path.replace("\\", "/")))


def normalise(text: str) -> str:
    """Return what stays the same of a message in every run."""
    text = text[: _LONGEST * 3].replace("\\", "/").translate(_QUOTES)
    text = _ROOTS.sub("", text)
    for pattern, stands in _RULES:
        text = pattern.sub(stands, text)
    text = _WORD.sub(lambda word: _CUT if _CUT in word.group() else word.group(), _SET.sub(_sorted, text))
    text = re.sub(r"(?<![\w.])(?:AssertionError|Error): ", "", text)
    return " ".join(text.split())[:_LONGEST]


def signature(tool: str, kind: str, name: str, message: str, path: str = "") -> str:
    """Return 16 hex digits that are the same for the same failure in every run."""
    parts = (tool, str(kind), normalise(name), relative(path), normalise(message))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _sorted(match: re.Match[str]) -> str:
    """Put what stands in braces into one order: sets and maps are printed in any."""
    return "{" + ", ".join(sorted(part.strip() for part in match[1].split(","))) + "}"
