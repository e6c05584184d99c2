"""What a patch may not do: pure rules over the changed entries of a tree, each answered in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jobs.workspace import attributes, links, secrecy, spelling

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ABSENT = "000000"
FILE_MODES = frozenset({"100644", "100755"})
LINK_MODE = "120000"
SUBMODULE_MODE = "160000"

ALWAYS_PROTECTED = (".github/workflows/**",)
"""GitHub demands the ``workflows`` permission for these, which this App never asks for."""
DEFAULT_PROTECTED = (".github/opus67.yml", ".github/opus67.yaml", "CODEOWNERS")
"""What decides who may ask for work and who reviews it."""


@dataclass(frozen=True, slots=True)
class PatchRules:
    """The policy for one patch: protected paths as globs, caps in files and bytes, secrets that must not be in it."""

    protected: tuple[str, ...] = DEFAULT_PROTECTED
    files: int = 1000
    file_bytes: int = 10 * 1024 * 1024
    total_bytes: int = 40 * 1024 * 1024
    diff_bytes: int = 200_000
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Change:
    """One entry that differs between the base and the result; bytes of a path that are no UTF-8 are surrogates."""

    path: str
    old_mode: str
    new_mode: str
    old_id: str
    new_id: str
    size: int = 0

    @property
    def shown(self) -> str:
        """The path as it may be shown: no control character, no broken encoding."""
        text = self.path.encode(errors="surrogateescape").decode(errors="backslashreplace")
        return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


@dataclass(frozen=True, slots=True)
class Tree:
    """What the rules look at: the changes, all paths of the result, its links, and the contents that matter."""

    changes: Sequence[Change]
    paths: Sequence[str]
    links_before: Mapping[str, str]
    links_after: Mapping[str, str]
    attributes_before: Mapping[str, bytes]
    attributes_after: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Violation:
    """A path and the rule that it breaks, both in words."""

    path: str
    rule: str

    def __str__(self) -> str:
        return f"`{self.path.replace('`', chr(39))}`: {self.rule}"


@dataclass(slots=True)
class _Findings:
    violations: list[Violation] = field(default_factory=list)

    def add(self, change: Change, rule: str) -> None:
        if rule:
            self.violations.append(Violation(change.shown, rule))


def size_violations(changes: Sequence[Change], rules: PatchRules) -> list[Violation]:
    """Check counts and sizes, which comes before any content is read."""
    found = _Findings()
    if len(changes) > rules.files:
        return [Violation("(all files)", f"{len(changes)} files are changed; at most {rules.files} may be")]
    for change in changes:
        if change.size > rules.file_bytes:
            found.add(change, f"the file has {change.size} bytes; at most {rules.file_bytes} may be")
    total = sum(change.size for change in changes)
    if total > rules.total_bytes:
        found.violations.append(
            Violation("(all files)", f"the changed files have {total} bytes; at most {rules.total_bytes} may be")
        )
    return found.violations


def tree_violations(tree: Tree, rules: PatchRules) -> list[Violation]:
    """Check names, modes, links, attributes and protected paths."""
    found = _Findings()
    guard = _Guard((*ALWAYS_PROTECTED, *rules.protected))
    for change in tree.changes:
        for rule in (_mode(change), guard.rule(change), _name(change)):
            found.add(change, rule)
    _links(tree, found)
    _collisions(tree, found)
    _attributes(tree, found)
    return found.violations


def protected_paths(changes: Sequence[Change], rules: PatchRules) -> frozenset[str]:
    """Return the paths among the changes that nobody's patch may touch."""
    guard = _Guard((*ALWAYS_PROTECTED, *rules.protected))
    return frozenset(change.path for change in changes if guard.rule(change))


def secret_violation(change: Change, before: bytes, after: bytes, rules: PatchRules) -> Violation | None:
    """Check that a changed file does not bring in what looks like a key or a token and was not in ``before``."""
    if change.old_mode == ABSENT and secrecy.leak(change.path.encode(errors="surrogateescape"), b"", rules.secrets):
        return Violation("(the name of a new file)", "it would publish a key or a token")
    found = secrecy.leak(after, before, rules.secrets)
    return Violation(change.shown, f"line {found.line} would publish what looks like {found.kind}") if found else None


def _mode(change: Change) -> str:
    if SUBMODULE_MODE in {change.old_mode, change.new_mode}:
        return "submodules may not be added, changed or removed"
    if change.new_mode not in FILE_MODES | {LINK_MODE, ABSENT}:
        return f"the mode {change.new_mode} is not one of a file or a link"
    return ""


def _name(change: Change) -> str:
    if spelling.is_git_folder(change.path):
        return "a name that some system takes for .git is not allowed"
    if spelling.is_submodule_list(change.path):
        return "submodules may not be added, changed or removed"
    if change.old_mode == ABSENT:
        return spelling.odd_name(change.path)
    return ""


class _Guard:
    """Finds protected paths in every spelling."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = [(pattern, spelling.glob(pattern)) for pattern in patterns if spelling.plain(pattern)]
        self._folders = {folder: pattern for pattern, _ in self._patterns for folder in spelling.fixed_folders(pattern)}

    def rule(self, change: Change) -> str:
        path = spelling.plain(change.path)
        for pattern, expression in self._patterns:
            if expression.fullmatch(path):
                return f"the path is protected ({pattern})"
        if path in self._folders and change.new_mode != ABSENT:
            return f"it would take the place of a protected folder ({self._folders[path]})"
        return ""


def _links(tree: Tree, found: _Findings) -> None:
    """Check every link when one of them changed: a changed link may turn where an old one leads."""
    changed = {change.path: change for change in tree.changes}
    if not any(LINK_MODE in {change.old_mode, change.new_mode} for change in tree.changes):
        return
    before, after = links.Links(tree.links_before), links.Links(tree.links_after)
    for path, target in tree.links_after.items():
        rule = after.fault(path)
        known = tree.links_before.get(path) == target and bool(before.fault(path))
        if rule and not known:
            found.add(changed.get(path, Change(path, LINK_MODE, LINK_MODE, "", "")), rule)


def _collisions(tree: Tree, found: _Findings) -> None:
    """Check that no new path is the same as another one where case and Unicode forms do not count."""
    added = [change for change in tree.changes if change.old_mode == ABSENT]
    if not added:
        return
    spelled: dict[str, list[str]] = {}
    for name in {name for path in tree.paths for name in _leading(path)}:
        spelled.setdefault(spelling.plain(name), []).append(name)
    for change in added:
        names = _leading(change.path)
        others = sorted({other for name in names for other in spelled.get(spelling.plain(name), [])} - set(names))
        if others:
            other = Change(others[0], ABSENT, ABSENT, "", "").shown
            found.add(change, f"the name differs from {other} in case or form only")


def _leading(path: str) -> list[str]:
    """Return the path and all folders that lead to it."""
    pieces = path.split("/")
    return ["/".join(pieces[:depth]) for depth in range(1, len(pieces) + 1)]


def _attributes(tree: Tree, found: _Findings) -> None:
    changed = {change.path: change for change in tree.changes}
    macros = attributes.dangerous_macros(tree.attributes_after.get(".gitattributes", b""))
    for path, content in tree.attributes_after.items():
        if path not in changed:
            continue
        new = attributes.dangerous(content, macros) - attributes.dangerous(
            tree.attributes_before.get(path, b""), macros
        )
        if new:
            pattern, name = min(new)
            shown = "".join(character if character.isprintable() else "?" for character in f"{pattern} {name}")[:80]
            found.add(changed[path], f"the attribute that runs or hides things may not be added ({shown})")
