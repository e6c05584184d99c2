"""The git side of the local GitHub: bare repositories, read and written by git itself."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ZERO = "0" * 40
PROGRAM = shutil.which("git") or "/usr/bin/git"
ENVIRONMENT = {
    "PATH": f"{Path(PROGRAM).parent}:/usr/local/bin:/usr/bin:/bin",
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
}
SETTINGS = {
    "http.receivepack": "true",
    "receive.hideRefs": "refs/pull",
    "uploadpack.allowFilter": "true",
    "uploadpack.allowAnySHA1InWant": "true",
    "gc.auto": "0",
    "receive.autogc": "false",
    "core.logAllRefUpdates": "false",
}
PATCH_CAP = 20_000

# GitHub refuses an App without the `workflows` permission when a pushed commit touches a workflow.
# https://docs.github.com/apps/creating-github-apps/registering-a-github-app/choosing-permissions-for-a-github-app
PRE_RECEIVE = r"""#!/bin/sh
[ "$STANDIN_WORKFLOWS" = yes ] && exit 0
while read -r old new ref; do
  [ "$new" = 0000000000000000000000000000000000000000 ] && continue
  for commit in $(git rev-list "$new" --not --all); do
    file=$(git diff-tree -r -m --root --no-commit-id --name-only "$commit" -- .github/workflows | head -n 1)
    if [ -n "$file" ]; then
      echo "refusing to allow a GitHub App to create or update workflow \`$file\`" \
        "without \`workflows\` permission" >&2
      exit 1
    fi
  done
done
"""


class GitFailed(Exception):
    """A git command failed; the message is what git said."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit; dates are in ISO 8601 with an offset."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: tuple[str, str, str]
    committer: tuple[str, str, str]
    message: str


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One changed file between two commits, with GitHub's word for the change."""

    path: str
    status: str
    sha: str
    additions: int
    deletions: int
    patch: str
    previous: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a tree; ``kind`` is blob, tree or commit."""

    path: str
    mode: str
    kind: str
    sha: str
    size: int


def run(path: Path, *arguments: str, data: bytes | None = None, environment: Mapping[str, str] | None = None) -> bytes:
    """Run git in the bare repository ``path`` and return what it printed; raises ``GitFailed``."""
    done = subprocess.run(
        [PROGRAM, "--git-dir", str(path), *arguments],
        input=data if data is not None else b"",
        capture_output=True,
        env={**ENVIRONMENT, **(environment or {})},
        check=False,
        timeout=300,
    )
    if done.returncode:
        raise GitFailed(done.stderr.decode(errors="replace").strip() or f"git {arguments[0]} failed")
    return done.stdout


def create(path: Path, default_branch: str) -> None:
    """Make an empty bare repository that can be served."""
    path.mkdir(parents=True)
    run(path, "init", "--quiet", "--bare", f"--initial-branch={default_branch}", str(path))
    with (path / "config").open("a") as config:
        for name, value in SETTINGS.items():
            section, _, key = name.partition(".")
            config.write(f"[{section}]\n\t{key} = {value}\n")
    hooks = path / "hooks"
    shutil.rmtree(hooks, ignore_errors=True)
    hooks.mkdir()
    hook = hooks / "pre-receive"
    hook.write_text(PRE_RECEIVE)
    hook.chmod(0o755)


def take_over(path: Path, source: Path, default_branch: str) -> None:
    """Fill the bare repository from ``source``: a git repository with its history, or a plain folder as one commit."""
    if (source / ".git").exists() or (source / "HEAD").is_file():
        run(path, "fetch", "--quiet", str(source.resolve()), "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        if resolve(path, f"refs/heads/{default_branch}") is None:
            head = run(source / ".git" if (source / ".git").is_dir() else source, "rev-parse", "HEAD").decode().strip()
            update_ref(path, f"refs/heads/{default_branch}", head)
        return
    files = {
        str(file.relative_to(source)): (file.read_bytes(), bool(file.stat().st_mode & 0o100))
        for file in sorted(source.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    }
    contents: dict[str, str | bytes | None] = {name: content for name, (content, _) in files.items()}
    executables = frozenset(name for name, (_, executable) in files.items() if executable)
    write(path, default_branch, contents, message="Initial commit", executables=executables)


def write(
    path: Path,
    branch: str,
    files: Mapping[str, str | bytes | None],
    *,
    message: str,
    author: tuple[str, str] = ("Somebody", "somebody@users.noreply.github.com"),
    executables: frozenset[str] = frozenset(),
) -> str:
    """Commit ``files`` on top of ``branch`` (None deletes a file) and return the new commit."""
    parent = resolve(path, f"refs/heads/{branch}")
    text = message.encode()
    now = int(time.time())
    stream = [
        f"commit refs/heads/{branch}\n".encode(),
        f"committer {author[0]} <{author[1]}> {now} +0000\ndata {len(text)}\n".encode() + text + b"\n",
    ]
    if parent:
        stream.append(f"from {parent}\n".encode())
    for name, content in files.items():
        if content is None:
            stream.append(f"D {name}\n".encode())
            continue
        data = content.encode() if isinstance(content, str) else content
        mode = "100755" if name in executables else "100644"
        stream.append(f"M {mode} inline {name}\ndata {len(data)}\n".encode() + data + b"\n")
    run(path, "fast-import", "--quiet", "--date-format=raw", data=b"".join(stream))
    commit = resolve(path, f"refs/heads/{branch}")
    if commit is None:
        raise GitFailed(f"nothing was written to {branch}")
    return commit


def refs(path: Path, *prefixes: str) -> dict[str, str]:
    """Return all refs under ``prefixes`` with the objects that they name."""
    lines = run(path, "for-each-ref", "--format=%(refname) %(objectname)", *prefixes).decode().splitlines()
    return dict(line.split(" ", 1) for line in lines)


def resolve(path: Path, revision: str) -> str | None:
    """Return the commit that ``revision`` names, or None."""
    try:
        found = run(path, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except GitFailed:
        return None
    return found.decode().strip()


def update_ref(path: Path, ref: str, new: str, old: str | None = None) -> None:
    """Point ``ref`` at ``new``, which may be all zeros to delete it; checks ``old`` where it is given."""
    arguments = ["-d", ref] if new == ZERO else [ref, new]
    run(path, "update-ref", *arguments, *([old] if old is not None else []))


def commits(path: Path, *revisions: str, limit: int = 250) -> list[Commit]:
    """Return the commits of a revision range, newest first."""
    form = "%x1e%H%x1f%T%x1f%P%x1f%an%x1f%ae%x1f%aI%x1f%cn%x1f%ce%x1f%cI%x1f%B"
    printed = run(path, "log", f"--max-count={limit}", f"--format={form}", "--end-of-options", *revisions, "--")
    found = []
    for record in printed.decode(errors="replace").split("\x1e")[1:]:
        sha, tree, parents, an, ae, ad, cn, ce, cd, message = record.rstrip("\n").split("\x1f")
        found.append(Commit(sha, tree, tuple(parents.split()), (an, ae, ad), (cn, ce, cd), message.strip("\n")))
    return found


def count(path: Path, revisions: str) -> int:
    """Count the commits of a revision range."""
    return int(run(path, "rev-list", "--count", "--end-of-options", revisions).decode())


def merge_base(path: Path, one: str, other: str) -> str | None:
    """Return the best common ancestor, or None."""
    try:
        return run(path, "merge-base", one, other).decode().strip()
    except GitFailed:
        return None


def diff(path: Path, base: str, head: str) -> list[FileDiff]:
    """Return the files that differ between two commits, with their patches."""
    names = {"A": "added", "M": "modified", "D": "removed", "R": "renamed", "C": "copied", "T": "changed"}
    raw = run(path, "diff", "--raw", "-z", "-M", "--abbrev=40", base, head).decode(errors="replace").split("\0")
    found = []
    position = 0
    while position < len(raw) and raw[position]:
        _, _, old, new, letter = raw[position][1:].split(" ")
        paths = raw[position + 1 : position + (3 if letter[0] in "RC" else 2)]
        position += 1 + len(paths)
        text = run(path, "diff", "-M", base, head, "--", *paths).decode(errors="replace")
        patch = text[text.index("\n@@") + 1 :] if "\n@@" in text else ""
        added = len(re.findall(r"^\+", patch, re.MULTILINE))
        deleted = len(re.findall(r"^-", patch, re.MULTILINE))
        previous = paths[0] if len(paths) == 2 else ""
        sha = old if letter == "D" else new
        found.append(FileDiff(paths[-1], names[letter[0]], sha, added, deleted, patch[:PATCH_CAP], previous))
    return found


def patch(path: Path, base: str, head: str, *files: str, context: int = 3) -> str:
    """Return what changed in a file, from its first hunk; a renamed one is named with both its names."""
    text = run(path, "diff", f"-U{context}", "-M", base, head, "--", *files).decode(errors="replace")
    return text[text.index("\n@@") + 1 :] if "\n@@" in text else ""


def bring(path: Path, source: Path, commit: str, ref: str) -> None:
    """Have ``ref`` name a commit, which is brought here where ``source`` is another repository."""
    if source == path:
        update_ref(path, ref, commit)
        return
    run(path, "fetch", "--quiet", str(source), f"+{commit}:{ref}")


def read(path: Path, sha: str) -> bytes:
    """Return the bytes of a blob."""
    return run(path, "cat-file", "blob", sha)


def entries(path: Path, commit: str, folder: str) -> list[Entry]:
    """Return the entry at ``folder`` itself (a path without a slash at its end), or those inside it (with one)."""
    printed = run(path, "ls-tree", "-z", "--long", commit, *([folder] if folder else [])).decode(errors="replace")
    found = []
    for line in printed.split("\0"):
        if line:
            meta, _, name = line.partition("\t")
            mode, kind, sha, size = meta.split()
            found.append(Entry(name, mode, kind, sha, int(size) if size != "-" else 0))
    return found


def merged_tree(path: Path, base: str, head: str) -> str | None:
    """Return the tree that ``head`` merged into the commit ``base`` gives; None where they conflict."""
    try:
        return run(path, "merge-tree", "--write-tree", base, head).decode().split("\n", 1)[0]
    except GitFailed:
        return None


def commit_tree(path: Path, tree: str, parents: Sequence[str], *, message: str, author: tuple[str, str]) -> str:
    """Commit a tree on its parents, in the name of ``author``, and return the commit."""
    who = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in zip(("NAME", "EMAIL"), author, strict=True)
    }
    below = [argument for parent in parents for argument in ("-p", parent)]
    made = run(path, "commit-tree", tree, *below, "-m", message, environment=who)
    return made.decode().strip()


def conflicts(path: Path, base: str, head: str) -> bool:
    """Tell whether ``head`` cannot be merged into ``base`` without a person."""
    return merged_tree(path, base, head) is None


def whole_diff(path: Path, base: str, head: str) -> bytes:
    """Return all that differs between two commits, as git prints it."""
    return run(path, "diff", "-M", base, head)


def serve(path: Path, environment: Mapping[str, str], body: bytes) -> subprocess.Popen[bytes]:
    """Start ``git http-backend`` for one request; its standard output is a CGI answer, and the caller ends it."""
    process = subprocess.Popen(
        [PROGRAM, "http-backend"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**ENVIRONMENT, "GIT_PROJECT_ROOT": str(path), "GIT_HTTP_EXPORT_ALL": "1", **environment},
    )
    _feed(process, body)
    return process


def _feed(process: subprocess.Popen[bytes], body: bytes) -> None:
    def write_all(source: Sequence[bytes] = (body,)) -> None:
        if process.stdin is None:
            return
        try:
            for part in source:
                process.stdin.write(part)
            process.stdin.close()
        except OSError:
            return

    threading.Thread(target=write_all, daemon=True).start()
