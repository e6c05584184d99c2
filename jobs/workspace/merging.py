"""Merging the base into a checkout in a sandbox: git does what it can, and leaves the rest with its marks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.types import UserError
from jobs.workspace.checkout import run_script

if TYPE_CHECKING:
    from jobs.types import Sandbox

MERGE_SECONDS = 180.0
MOST_NAMED = 200
_COMMIT = re.compile(r"[0-9a-f]{40}")
_MARK = re.compile(rb"^(?:<{7}|>{7}|\|{7})(?: [^\r\n]*)?\r?$", re.MULTILINE)

# What the set-up commands changed in committed files would be in the merge's way.
_MERGE = """
rm -rf .git/MERGE_HEAD .git/MERGE_MODE .git/MERGE_MSG .git/index.lock
g reset -q --hard "$base" || exit 1
said=$(g -c merge.conflictStyle=diff3 -c core.quotePath=false merge --no-commit --no-ff --no-verify-signatures \\
  --no-rerere-autoupdate -q "$merges" 2>&1)
if [ ! -e .git/MERGE_HEAD ]; then printf '%s' "$said" | tail -n 3; exit 44; fi
g -c core.quotePath=false diff --name-only --diff-filter=U 2>/dev/null
"""


def merge(sandbox: Sandbox, base: str, merges: str) -> tuple[str, ...]:
    """Merge a commit of the mirror into the checkout of ``base`` without a commit; return the paths that conflict.

    The workspace goes back to ``base`` first. Raises ``UserError`` where git does not even begin.
    """
    if not _COMMIT.fullmatch(merges):
        raise ValueError(f"not a commit: {merges[:80]!r}")
    result = run_script(sandbox, base, f"merges={merges}", _MERGE, MERGE_SECONDS)
    if result.exit_code != 0 or result.timed_out:
        said = repr(result.output.strip()[-300:])[1:-1] or f"it ended with {result.exit_code}"
        raise UserError(f"git could not begin to merge {merges[:12]}: {said}. Merge it by hand.")
    paths = (line.strip('"') for line in result.output.splitlines() if line.strip())
    return tuple(dict.fromkeys(paths))[:MOST_NAMED]


def marks_left(content: bytes, *sides: bytes) -> bool:
    """Tell whether a file still has marks of a conflict that neither side has by itself."""
    own = {line for side in sides for line in _MARK.findall(side)}
    return any(line not in own for line in _MARK.findall(content))
