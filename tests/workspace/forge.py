"""Bundles as an attacker would make them, object by object, without git's own checks."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILE, RUNNABLE, LINK, SUBMODULE, FOLDER = b"100644", b"100755", b"120000", b"160000", b"40000"
Content = bytes | str | None
Entry = tuple[bytes, Content]
"""A mode and a content; for a submodule the content is a commit, and None removes what the base has."""
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": "core.protectNTFS",
    "GIT_CONFIG_VALUE_0": "false",
    "GIT_CONFIG_KEY_1": "safe.directory",
    "GIT_CONFIG_VALUE_1": "*",
    **{f"GIT_{who}_{what}": "mallory" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


class Forge:
    """A scratch repository over a mirror, in which any tree can be made."""

    def __init__(self, folder: Path, mirror: Path, base: str) -> None:
        self.folder = folder
        self.base = base
        subprocess.run(["git", "init", "-q", "--bare", str(folder)], check=True, env=ENVIRONMENT)
        (folder / "objects" / "info" / "alternates").write_text(f"{mirror}/objects\n")

    def git(self, *arguments: str, data: bytes = b"") -> bytes:
        """Run git in the scratch repository."""
        command = ["git", f"--git-dir={self.folder}", *arguments]
        return subprocess.run(command, input=data, check=True, capture_output=True, env=ENVIRONMENT).stdout

    def blob(self, content: bytes | str) -> str:
        """Write a blob."""
        data = content.encode() if isinstance(content, str) else content
        return self.git("hash-object", "-w", "--stdin", data=data).decode().strip()

    def raw(self, kind: str, data: bytes) -> str:
        """Write an object as it is, sound or not."""
        return self.git("hash-object", "-w", "-t", kind, "--literally", "--stdin", data=data).decode().strip()

    def raw_tree(self, entries: list[tuple[bytes, bytes, str]]) -> str:
        """Write a tree of (mode, name, object) as they are, in this order."""
        data = b"".join(mode + b" " + name + b"\0" + bytes.fromhex(identity) for mode, name, identity in entries)
        return self.raw("tree", data)

    def tree(self, changes: dict[str | bytes, Entry]) -> str:
        """Write the base's tree with changes; a path's pieces are names of any kind."""
        entries: dict[bytes, tuple[bytes, str]] = {}
        for line in self.git("ls-tree", "-r", "-z", self.base).split(b"\0")[:-1]:
            meta, _, path = line.partition(b"\t")
            mode, _, identity = meta.split(b" ")
            entries[path] = (mode, identity.decode())
        for name, (mode, content) in changes.items():
            path = name.encode() if isinstance(name, str) else name
            if content is None:
                entries.pop(path)
            elif mode == SUBMODULE:
                entries[path] = (mode, str(content))
            else:
                entries[path] = (mode, self.blob(content))
        return self._folder(entries)

    def _folder(self, entries: dict[bytes, tuple[bytes, str]]) -> str:
        here: dict[tuple[bytes, bool], tuple[bytes, str]] = {}
        below: dict[bytes, dict[bytes, tuple[bytes, str]]] = {}
        for path, entry in entries.items():
            name, _, rest = path.partition(b"/")
            if rest:
                below.setdefault(name, {})[rest] = entry
            else:
                here[name, False] = entry
        for name, inner in below.items():
            here[name, True] = (FOLDER, self._folder(inner))
        ordered = sorted(here.items(), key=lambda item: item[0][0] + (b"/" if item[0][1] else b""))
        return self.raw_tree([(mode, name, identity) for (name, _), (mode, identity) in ordered])

    def commit(self, tree: str, *parents: str) -> str:
        """Write a commit of a tree, on the base unless parents are named."""
        names = [option for parent in parents or (self.base,) for option in ("-p", parent)]
        return self.git("commit-tree", *names, "-m", "work", tree).decode().strip()

    def pack(self) -> bytes:
        """Return a pack of all objects made here, whether or not they hang together."""
        names = [f"{path.parent.name}{path.name}\n" for path in (self.folder / "objects").glob("??/*")]
        return self.git("pack-objects", "--stdout", "-q", data="".join(names).encode())

    def bundle(self, commit: str) -> bytes:
        """Return a bundle as ``export`` would give it, of any commit."""
        header = f"# v2 git bundle\n-{self.base} base\n{commit} refs/heads/work\n\n"
        return header.encode() + self.pack()

    def work(self, changes: dict[str | bytes, Entry]) -> bytes:
        """Return a bundle of the base with changes."""
        return self.bundle(self.commit(self.tree(changes)))
