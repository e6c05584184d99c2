"""Taking a bundle into a bare repository: the header is read here, the objects are checked by git index-pack."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.types import PatchRefused
from jobs.workspace.git import MEBIBYTE, Git, GitFailed

if TYPE_CHECKING:
    from pathlib import Path

UNPACK_SECONDS = 180.0
PACK_LIMIT = 64 * MEBIBYTE
HEADER_LIMIT = 4096

_SIGNATURE = b"# v2 git bundle\n"
_PREREQUISITE = re.compile(rb"-([0-9a-f]{40})(?: [^\n]*)?")
_REFERENCE = re.compile(rb"([0-9a-f]{40}) refs/heads/work")


def split(bundle: bytes, *bases: str) -> tuple[str, bytes]:
    """Return the commit and the pack of a bundle that has one branch and needs nothing but ``bases``."""
    if len(bundle) > PACK_LIMIT:
        raise PatchRefused(
            f"The work has {len(bundle) // MEBIBYTE} MB; at most {PACK_LIMIT // MEBIBYTE} may be published."
        )
    head, separator, pack = bundle.partition(b"\n\n")
    if not bundle.startswith(_SIGNATURE) or not separator or len(head) > HEADER_LIMIT or not pack.startswith(b"PACK"):
        raise PatchRefused("The work did not come out of the sandbox as a bundle. Run the task again.")
    lines = head.split(b"\n")[1:]
    references = [match[1].decode() for line in lines if (match := _REFERENCE.fullmatch(line))]
    needed = {match[1].decode() for line in lines if (match := _PREREQUISITE.fullmatch(line))}
    if len(references) != 1 or needed != set(bases) or len(lines) != len(needed) + 1:
        raise PatchRefused("The work is not one branch on the base that the task started from. Run the task again.")
    return references[0], pack


def take_in(git: Git, directory: Path, pack: bytes) -> None:
    """Check and store the objects of a pack: form, links and connectivity, as ``git fsck --strict`` would.

    Only what is new is checked: fsck would read the whole mirror behind it, too.
    """
    arguments = ("index-pack", "--stdin", "--fix-thin", "--strict", "--threads=1", f"--max-input-size={PACK_LIMIT}")
    try:
        git.run(directory, *arguments, data=pack, seconds=UNPACK_SECONDS)
    except GitFailed as failure:
        said = [line for line in failure.error.splitlines() if line.startswith(("error:", "fatal:"))]
        reason = repr((said or ["it could not be unpacked"])[0][:200])[1:-1]
        raise PatchRefused(
            f"The work's objects are not sound ({reason}), so they may not be published. Run the task again."
        ) from failure
