"""The source files of the house, read once and parsed, for the rules that hold over all of them."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]
PRODUCT = ("bot", "jobs", "config")
GENERATED = {".venv", "var", ".cache", "build", "dist", "__pycache__"}


@dataclass(frozen=True)
class Source:
    """One Python file; ``name`` is its path below the root, with slashes."""

    name: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """Its syntax tree, kept until ``forget_trees``."""
        return _tree_of(self)

    @property
    def lines(self) -> list[str]:
        """Its lines."""
        return self.text.splitlines()

    def imports(self) -> Sequence[tuple[str, int]]:
        """Return the modules that it imports when it runs (not those for types only), with the line."""
        return _imports_of(self)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Yield all functions and methods."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


def forget_trees() -> None:
    """Give back the memory that the trees of all files take."""
    _tree_of.cache_clear()


@cache
def _tree_of(source: Source) -> ast.Module:
    return ast.parse(source.text, source.name)


@cache
def _imports_of(source: Source) -> Sequence[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for node in _at_run_time(source.tree):
        if isinstance(node, ast.Import):
            found += ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append((node.module, node.lineno))
    return found


def _at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _at_run_time(child)


@cache
def python_files(*folders: str) -> tuple[Source, ...]:
    """Return the Python files below some folders of the root."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return tuple(
        Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in paths
        if not GENERATED & set(path.relative_to(ROOT).parts) and not _is_sample(path)
    )


def product() -> tuple[Source, ...]:
    """Return what ships."""
    return python_files(*PRODUCT)


def suite() -> tuple[Source, ...]:
    """Return the tests and what belongs to them."""
    return python_files("tests")


@cache
def text_files() -> tuple[tuple[str, str], ...]:
    """Return name and text of every file that is in the repository, or will be with the next commit."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    found = []
    for name in sorted(set(filter(None, listed))):
        path = ROOT / name
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            if b"\0" not in data:
                found.append((name, data.decode("utf-8", "replace")))
    return tuple(found)


def _is_sample(path: Path) -> bool:
    """Tell whether a file belongs to the demo's sample repository, which is somebody else's house."""
    return "jobs/testing/sample/files" in path.as_posix()
