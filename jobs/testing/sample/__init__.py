"""The demo's material: a small repository with a real bug, the issue that reports it, and a recorded good run."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
# The suffix keeps our own linters, type checker and test runner away from files that are not ours to them.
SUFFIX = ".txt"


def files() -> dict[str, str]:
    """Return the repository: the text of each file by its path."""
    root = HERE / "files"
    found = {}
    for file in sorted(root.rglob(f"*{SUFFIX}")):
        name = file.relative_to(root).as_posix().removesuffix(SUFFIX)
        found[name.replace("dot-", ".", 1) if name.startswith("dot-") else name] = file.read_text()
    return found


def issue() -> tuple[str, str]:
    """Return the title and the body of the issue."""
    heading, _, body = (HERE / "issue.md").read_text().partition("\n")
    return heading.removeprefix("# "), body.strip() + "\n"
