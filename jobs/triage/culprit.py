"""Which of the commits since the last green run broke it, named only where that is clear."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.triage.signatures import is_foreign, relative

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jobs.types import Change, Failure, Reading

_ENOUGH, _AHEAD = 2.0, 1.5
_PATH = re.compile(r"(?<![\w/.\\-])((?:[A-Za-z]:)?[\w@./\\+-]{1,200}\.[A-Za-z]\w{0,9})(?=[:\"'\s(),]|$)")
_DOCUMENTS = re.compile(
    r"(?:^|/)(?:docs?/|README|CHANGELOG|LICENSE|CONTRIBUTING)|\.(?:md|rst|adoc|png|svg|jpg)$", re.IGNORECASE
)
_DEPENDENCIES = re.compile(
    r"(?:^|/)(?:requirements[\w./-]*\.(?:txt|in)|pyproject\.toml|setup\.(?:py|cfg)|poetry\.lock|uv\.lock|Pipfile(?:\.lock)?|package(?:-lock)?\.json"
    r"|yarn\.lock|pnpm-lock\.yaml|go\.(?:mod|sum)|Cargo\.(?:toml|lock)|Gemfile(?:\.lock)?|composer\.(?:json|lock)|pom\.xml|build\.gradle(?:\.kts)?"
    r"|[\w.-]+\.csproj)$"
)
_IMPORTS = re.compile(
    r"No module named|cannot import name|Cannot find (?:module|package)|Could not resolve"
    r"|Failed to resolve import|ModuleNotFound|unresolved import"
    r"|package .{1,100} is not in|no required module|cannot find (?:type|symbol)|ERESOLVE|No matching distribution",
    re.IGNORECASE,
)
_MODULE = re.compile(
    r"(?:No module named|cannot import name '[\w.]+' from|Cannot find module|Failed to resolve import"
    r"|unresolved import) "
    r"['\"`]([\w./@:-]{1,200})['\"`]"
)
_TEST_AFFIX = re.compile(r"^(?:test[_-])|(?:[._-](?:test|tests|spec))$|(?<=[a-z\d])(?:Tests?|Spec|IT)$")


@dataclass(frozen=True, slots=True)
class Blame:
    """A commit, how sure it is, and why, in words without a word from the log."""

    change: Change
    reason: str
    confidence: float


def find(reading: Reading, changes: Sequence[Change]) -> Blame | None:
    """Return the commit that clearly broke the run, or nothing."""
    if not changes:
        return None
    if len(changes) == 1:
        return Blame(changes[0], f"{_named(changes[0])} is the only commit since the last green run", 0.95)
    evidence = _Evidence.of(reading.failures)
    scored = sorted(((evidence.score(change), at) for at, change in enumerate(changes)), reverse=True)
    (best, at), (second, _) = scored[0], scored[1]
    if best >= _ENOUGH and best - second >= _AHEAD:
        words = f"of {len(changes)} commits since the last green run, {_named(changes[at])} touched what fails"
        return Blame(changes[at], words, 0.85 if second == 0 else 0.7)
    code = [change for change in changes if any(not _DOCUMENTS.search(path) for path in change.files)]
    if len(code) == 1 and all(change.files for change in changes):
        only = f"{_named(code[0])} is the only one that touched more than documents"
        words = f"of {len(changes)} commits since the last green run, {only}"
        return Blame(code[0], words, 0.75)
    return None


@dataclass(frozen=True, slots=True)
class _Evidence:
    """The files that the failures name, and what follows from them."""

    places: frozenset[str]
    """Where tools put the failures."""
    traces: frozenset[str]
    """What else the log names: the frames of traces."""
    stems: frozenset[str]
    """The names of modules, as tests are named after them."""
    modules: frozenset[str]
    """Modules that could not be imported, as paths without an ending."""
    imports: bool

    @classmethod
    def of(cls, failures: Iterable[Failure]) -> _Evidence:
        places, traces, told = set[str](), set[str](), []
        for failure in failures:
            if failure.path:
                places.add(failure.path)
            traces.update(relative(found[1]) for found in _PATH.finditer(failure.excerpt) if not is_foreign(found[1]))
            told.append(f"{failure.message}\n{failure.excerpt}")
        text = "\n".join(told)
        modules = {re.sub(r"[.:]+", "/", found[1].strip("./")).strip("/") for found in _MODULE.finditer(text)}
        stems = {_stem(place) for place in places if _is_test(place)}
        return cls(
            frozenset(places),
            frozenset(traces),
            frozenset(stems - {""}),
            frozenset(modules - {""}),
            bool(_IMPORTS.search(text)),
        )

    def score(self, change: Change) -> float:
        """Return how much of the evidence points to a commit; what one file gives is counted once."""
        files = [path for path in change.files if not _DOCUMENTS.search(path)]
        best = max((self._file(path) for path in files), default=0.0)
        return best + 0.25 * sum(self._file(path) >= _ENOUGH for path in files)

    def _file(self, path: str) -> float:
        tests = _is_test(path)
        if _DEPENDENCIES.search(path):
            return 3.0 if self.imports else 0.5
        if any(_same(path, place) for place in self.places):
            return 2.5 if tests else 4.0
        if any(_same(path, trace) for trace in self.traces):
            return 2.5 if tests else 4.0
        if any(path.rpartition(".")[0].endswith(module) or f"/{module}/" in f"/{path}" for module in self.modules):
            return 4.0
        if not tests and _name(path) in self.stems:
            return 3.0
        folders = {place.rpartition("/")[0] for place in self.places} - {""}
        return 1.0 if path.rpartition("/")[0] in folders else 0.0


def _same(path: str, other: str) -> bool:
    """Say whether two paths are one file, where either may lack the folders at its beginning."""
    return (
        path == other or ("/" in other and path.endswith(f"/{other}")) or ("/" in path and other.endswith(f"/{path}"))
    )


def _name(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0].lower()


def _base(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0] or path.rpartition("/")[2]


def _is_test(path: str) -> bool:
    """Say whether a file is named as tests are."""
    return bool(_TEST_AFFIX.search(_base(path)))


def _stem(path: str) -> str:
    """Return the name of the module that a test is named after, or the file's own name."""
    return _TEST_AFFIX.sub("", _TEST_AFFIX.sub("", _base(path))).partition(".")[0].lower()


def _named(change: Change) -> str:
    author = change.author if re.fullmatch(r"[A-Za-z\d][\w-]{0,38}(?:\[bot\])?", change.author) else ""
    return f"{change.sha[:7]} by {author}" if author else change.sha[:7]
