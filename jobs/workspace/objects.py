"""Reading trees and blobs of the quarantine, with sizes known before anything is unpacked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.types import PatchRefused
from jobs.workspace.git import MEBIBYTE, Git
from jobs.workspace.rules import LINK_MODE, SUBMODULE_MODE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MOST_LINKS = 20_000
SMALL_CONTENT = 256 * 1024
CONTENT_LIMIT = 256 * MEBIBYTE

Entries = dict[str, tuple[str, str]]
"""All paths of a tree, with mode and object."""


class Objects:
    """The objects of one bare repository."""

    def __init__(self, git: Git, directory: Path) -> None:
        self._git = git
        self._directory = directory

    def sizes(self, identities: Iterable[str]) -> dict[str, int]:
        """Return the sizes of blobs, which git tells without unpacking them."""
        data = "".join(f"{identity}\n" for identity in identities).encode()
        if not data:
            return {}
        listed = self._git.text(
            self._directory, "cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)", data=data
        )
        rows = [line.split(" ") for line in listed.splitlines()]
        if any(len(row) != 3 or row[1] != "blob" for row in rows):  # noqa: PLR2004 - the three of the format above
            raise PatchRefused("The work has files without contents. Run the task again.")
        return {row[0]: int(row[2]) for row in rows}

    def contents(self, identities: Iterable[str], limit: int) -> dict[str, bytes]:
        """Return the contents of blobs that are not over ``limit`` bytes."""
        small = [identity for identity, size in self.sizes(dict.fromkeys(identities)).items() if size <= limit]
        data = "".join(f"{identity}\n" for identity in small).encode()
        if not data:
            return {}
        result = self._git.run(self._directory, "cat-file", "--batch", data=data, output_limit=CONTENT_LIMIT)
        if result.truncated:
            raise PatchRefused("The changed files are too large to check. Ask for less at once.")
        contents, at = {}, 0
        while at < len(result.output):
            end = result.output.index(b"\n", at)
            identity, _, size = result.output[at:end].decode().split(" ")
            contents[identity] = result.output[end + 1 : end + 1 + int(size)]
            at = end + 2 + int(size)
        return contents

    def entries(self, tree: str) -> Entries:
        """Return all paths of a tree with mode and object."""
        listed = self._git.run(self._directory, "ls-tree", "-r", "-z", "--full-tree", tree).output
        entries = {}
        for line in listed.split(b"\0")[:-1]:
            meta, _, path = line.partition(b"\t")
            mode, _, identity = meta.decode().split(" ")
            entries[path.decode(errors="surrogateescape")] = (mode, identity)
        return entries

    def links(self, entries: Entries) -> dict[str, str]:
        """Return all links of a tree: path and target."""
        found = {path: identity for path, (mode, identity) in entries.items() if mode == LINK_MODE}
        if len(found) > MOST_LINKS:
            raise PatchRefused(f"The repository would have {len(found)} links; that is too many to check.")
        contents = self.contents(found.values(), SMALL_CONTENT)
        return {path: contents.get(identity, b"").decode(errors="surrogateescape") for path, identity in found.items()}

    def files(self, entries: Entries, paths: set[str]) -> dict[str, bytes]:
        """Return the contents of those ``paths`` that the tree has."""
        found = {path: entries[path][1] for path in paths if path in entries and entries[path][0] != SUBMODULE_MODE}
        contents = self.contents(found.values(), SMALL_CONTENT)
        # One that is too large to read is taken for one that names every attribute.
        return {path: contents.get(identity, b"* filter diff merge") for path, identity in found.items()}
