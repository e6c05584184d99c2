"""The cache of bare mirrors on the host, one per repository, fetched only when something is missing."""

from __future__ import annotations

import fcntl
import re
import secrets
import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.types import GitHubUnavailable, UserError
from jobs.workspace.git import Git, GitFailed
from jobs.workspace.remote import RETRY_SECONDS, explain, last_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

ASK_SECONDS = 30.0
FETCH_SECONDS = 600.0
CLONE_SECONDS = 3600.0
LOCK_SECONDS = 900.0
LOCK_POLL_SECONDS = 0.05
STALE_SECONDS = FETCH_SECONDS + 60.0
RETIRED_SECONDS = 24 * 3600.0
PACKS_BEFORE_REPACK = 40

REPOSITORY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
COMMIT = re.compile(r"[0-9a-f]{40}")
ASTRAY = frozenset({"dangling", "loop", "notdir", "symlink"})
FETCH = ("fetch", "--quiet", "--no-tags", "--no-auto-gc", "--no-write-fetch-head", "--no-recurse-submodules")
REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A mirror that holds ``base_sha``; ``branch`` is empty when it was neither named nor asked of GitHub."""

    path: Path
    base_sha: str
    branch: str


class Mirror:
    """Bare copies of repositories under ``home/mirrors``; they hold what GitHub sent, and nothing of an agent."""

    def __init__(self, home: Path, server_url: str, environment: Mapping[str, str] | None = None) -> None:
        self.home = home.absolute()
        self.git = Git(server_url, environment)

    def path(self, repository: str) -> Path:
        """Return where the mirror of ``repository`` is, whether or not it is there."""
        if not REPOSITORY.fullmatch(repository):
            raise UserError(f"{repository[:80]!r} is not the name of a repository; write it as owner/name.")
        owner, name = repository.split("/")
        return self.home / "mirrors" / owner / f"{name}.git"

    def url(self, repository: str) -> str:
        """Return the address of ``repository``, which never holds a token."""
        self.path(repository)
        return f"{self.git.server_url}/{repository}.git"

    def fetch(self, repository: str, token: str, *, want: str | None = None, branch: str | None = None) -> Snapshot:
        """Make the mirror hold the commit ``want``, or else the newest of ``branch``, or of the default branch.

        No network is used when ``want`` is there already. Raises ``UserError`` when the repository, the branch
        or the commit is not there for us, and ``GitHubUnavailable`` when another try may succeed.
        """
        path = self.path(repository)
        if want is not None and not COMMIT.fullmatch(want):
            raise UserError(f"{want[:80]!r} is not a commit; name it by its 40 hexadecimal digits.")
        if want is None:
            want, branch = self._newest(repository, token, branch)
        if not self._holds(path, want):
            with self._locked(path) as lock:
                self._empty_bin()
                if not self._holds(path, want):
                    self._bring(repository, token, want, lock)
        return Snapshot(path, want, branch or "")

    def read(self, repository: str, commit: str, path: str, limit: int) -> bytes | None:
        """Return a committed file, links inside the tree followed, cut to ``limit`` bytes; None when there is none."""
        pieces = path.split("/")
        if not COMMIT.fullmatch(commit) or "\n" in path or "\0" in path or not {"", ".", ".."}.isdisjoint(pieces):
            return None
        name = f"{commit}:{path}\n".encode(errors="surrogateescape")
        mirror = self.path(repository)
        try:
            found = self.git.text(mirror, "cat-file", "--batch-check", "--follow-symlinks", data=name)
            identity, _, rest = found.partition(" ")
            if not COMMIT.fullmatch(identity) or not rest.startswith("blob "):
                return None
            return self.git.run(mirror, "cat-file", "blob", identity, output_limit=limit).output
        except GitFailed as failure:
            raise self._broken(repository, failure) from failure

    def read_all(
        self, repository: str, wanted: Collection[tuple[str, str]], limit: int
    ) -> dict[tuple[str, str], bytes]:
        """Return many committed files at once, as ``read`` does each, by their commit and path; without the absent."""
        names = [f"{commit}:{path}" for commit, path in wanted]
        if any(not COMMIT.fullmatch(commit) or "\n" in path or "\0" in path for commit, path in wanted):
            raise ValueError("not a commit or not a path")
        mirror = self.path(repository)
        try:
            check = ("cat-file", "--batch-check", "--follow-symlinks")
            listed = self.git.run(mirror, *check, data="\n".join(names).encode()).output
            blobs = {one: found for one, found in zip(wanted, _blobs(listed), strict=True) if found}
            small = [one for one, (_, size) in blobs.items() if size <= limit]
            data = "\n".join(blobs[one][0] for one in small).encode()
            output = self.git.run(mirror, "cat-file", "--batch", data=data).output if small else b""
        except GitFailed as failure:
            raise self._broken(repository, failure) from failure
        files = {one: self.read(repository, *one, limit) or b"" for one in blobs if one not in small}
        for one in small:
            start = output.index(b"\n") + 1
            files[one], output = output[start : start + blobs[one][1]], output[start + blobs[one][1] + 1 :]
        return files

    def list_files(self, repository: str, commit: str) -> list[str]:
        """Return the paths of all files of a commit; bytes that are no UTF-8 are shown escaped."""
        if not COMMIT.fullmatch(commit):
            return []
        try:
            listed = self.git.run(self.path(repository), "ls-tree", "-r", "-z", "--name-only", commit).output
        except GitFailed as failure:
            raise self._broken(repository, failure) from failure
        return [name.decode(errors="backslashreplace") for name in listed.split(b"\0") if name]

    def holds(self, repository: str, commit: str) -> bool:
        """Tell whether a commit came from GitHub, so that the mirror has it."""
        return bool(COMMIT.fullmatch(commit)) and self._holds(self.path(repository), commit)

    def forget(self, repository: str) -> None:
        """Remove the mirror, for a repository that the App may no longer see; does nothing when there is none."""
        path = self.path(repository)
        if not path.parent.is_dir():
            return
        with self._locked(path):
            shutil.rmtree(path, ignore_errors=True)

    def sweep(self, kept: Iterable[str]) -> list[str]:
        """Remove the mirrors of repositories that are not among ``kept``, and what died half-made; return their names.

        What somebody works with now, or may be about to finish, is left for the next time.
        """
        names, removed = {name.lower() for name in kept}, []
        self._empty_bin()
        for half_made in (self.home / "mirrors" / ".new").glob("*/*.git"):
            if time.time() - half_made.stat().st_mtime > CLONE_SECONDS + STALE_SECONDS:
                shutil.rmtree(half_made, ignore_errors=True)
        for path in (self.home / "mirrors").glob("[!.]*/*.git"):
            repository = f"{path.parent.name}/{path.stem}"
            if repository.lower() in names:
                continue
            with suppress(GitHubUnavailable), self._locked(path, 0.0):
                shutil.rmtree(path, ignore_errors=True)
                removed.append(repository)
        return removed

    def replace(self, repository: str, token: str, want: str) -> Snapshot:
        """Make the mirror anew when a checkout from it failed; sandboxes that use the old one keep it for a day."""
        path = self.path(repository)
        with self._locked(path) as lock:
            self._retire(path)
            self._clone(repository, token, want, lock)
        return Snapshot(path, want, "")

    def _newest(self, repository: str, token: str, branch: str | None) -> tuple[str, str]:
        """Ask GitHub for the head of ``branch`` or of the default branch."""
        name = f"refs/heads/{branch}" if branch else "HEAD"
        arguments = ("ls-remote", "--symref", "--", self.url(repository), name)
        try:
            listed = self.git.run(Path("/nonexistent"), *arguments, token=token, seconds=ASK_SECONDS).output
        except GitFailed as failure:
            raise self._explained(failure, repository, "looking at") from failure
        for line in listed.decode(errors="replace").splitlines():
            value, _, ref = line.partition("\t")
            if ref == name and value.startswith("ref: refs/heads/"):
                branch = value.removeprefix("ref: refs/heads/")
            elif ref == name and COMMIT.fullmatch(value):
                return value, branch or ""
        if branch:
            raise UserError(f"{repository} has no branch {branch!r}. Name another base branch in .github/opus67.yml.")
        raise UserError(f"{repository} has no commit yet. Push a first one and ask again.")

    def _holds(self, path: Path, commit: str) -> bool:
        """Tell whether the commit and its tree can be read, which a damaged mirror fails."""
        if not (path / "HEAD").is_file():
            return False
        names = f"{commit}^{{commit}}\n{commit}^{{tree}}\n".encode()
        try:
            result = self.git.run(path, "cat-file", "--batch", data=names)
        except GitFailed:
            return False
        return result.output.startswith(f"{commit} commit ".encode()) and b" missing\n" not in result.output

    def _bring(self, repository: str, token: str, want: str, lock: int) -> None:
        """Fetch into the mirror; one that is absent or damaged is made anew."""
        path = self.path(repository)
        if (path / "HEAD").is_file():
            _clear_left_over(path)
            try:
                self._fetch(path, repository, token, want, lock)
            except GitFailed as failure:
                error = explain(failure, repository, doing="fetching")
                if error is not None:
                    raise error from failure
        if not self._holds(path, want):
            self._retire(path)
            self._clone(repository, token, want, lock)
        self._tidy(path, lock)

    def _fetch(
        self, path: Path, repository: str, token: str, want: str, lock: int, seconds: float = FETCH_SECONDS
    ) -> None:
        """Fetch branches and tags, and ``want`` alone when none of them reaches it, for example after a force-push."""
        url = self.url(repository)
        for arguments in (("--prune", "--", url, *REFSPECS), ("--", url, want)):
            self.git.run(path, *FETCH, *arguments, token=token, seconds=seconds, bounded=False, lock=lock)
            if self._holds(path, want):
                return

    def _clone(self, repository: str, token: str, want: str, lock: int) -> None:
        """Fetch all into another folder, and move it to the mirror's place when it is whole."""
        path = self.path(repository)
        half_made = self.home / "mirrors" / ".new" / path.parent.name / path.name
        shutil.rmtree(half_made, ignore_errors=True)
        half_made.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        try:
            options = ("--bare", "--quiet", "--template=", "--initial-branch=main")
            self.git.run(half_made, "init", *options, str(half_made))
            self._fetch(half_made, repository, token, want, lock, CLONE_SECONDS)
            half_made.rename(path)
        except GitFailed as failure:
            raise self._explained(failure, repository, "cloning") from failure
        finally:
            shutil.rmtree(half_made, ignore_errors=True)

    def _tidy(self, path: Path, lock: int) -> None:
        """Join small packs, which every fetch adds one of; nothing is ever pruned, so running work keeps its base."""
        if len(list((path / "objects" / "pack").glob("*.pack"))) > PACKS_BEFORE_REPACK:
            with suppress(GitFailed):
                arguments = ("repack", "--quiet", "--geometric=2", "-d", "--no-write-bitmap-index")
                self.git.run(path, *arguments, seconds=FETCH_SECONDS, bounded=False, lock=lock)

    def _retire(self, path: Path) -> None:
        """Move a damaged mirror out of the way; a sandbox that has it mounted keeps seeing it."""
        if path.exists():
            bin_folder = self.home / "mirrors" / ".bin"
            bin_folder.mkdir(mode=0o711, exist_ok=True)
            path.rename(bin_folder / f"{int(time.time())}-{secrets.token_hex(4)}")

    def _empty_bin(self) -> None:
        for retired in (self.home / "mirrors" / ".bin").glob("*-*"):
            if time.time() - int(retired.name.split("-")[0]) > RETIRED_SECONDS:
                shutil.rmtree(retired, ignore_errors=True)

    @contextmanager
    def _locked(self, path: Path, patience: float = LOCK_SECONDS) -> Iterator[int]:
        """Hold the repository's lock, which ends with this process and the gits that it started, at the latest.

        Its descriptor goes to each git that writes: one that outlives its worker keeps the next one from its folder.
        """
        (self.home / "mirrors").mkdir(mode=0o711, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o711, exist_ok=True)
        deadline = time.monotonic() + patience
        with path.with_name(f"{path.name}.lock").open("w") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise GitHubUnavailable(f"Another task is fetching {path.stem}.", RETRY_SECONDS) from None
                    time.sleep(LOCK_POLL_SECONDS)
            yield file.fileno()

    def _explained(self, failure: GitFailed, repository: str, doing: str) -> Exception:
        words = f"git failed while {doing} {repository}: {last_line(failure)}. Run the task again."
        return explain(failure, repository, doing=doing) or UserError(words)

    def _broken(self, repository: str, failure: GitFailed) -> UserError:
        return UserError(f"The copy of {repository} on this machine cannot be read ({failure}). Run the task again.")


def _blobs(listed: bytes) -> Iterator[tuple[str, int] | None]:
    """Yield identity and size of each file that ``cat-file --batch-check --follow-symlinks`` found, None for others."""
    while listed:
        line, _, listed = listed.partition(b"\n")
        words = line.decode("ascii", "replace").split(" ")
        if words[0] in ASTRAY:  # where a link leads that leads to no file: so many bytes, of any kind
            listed = listed[int(words[1]) + 1 :]
        yield (words[0], int(words[2])) if words[1] == "blob" else None


def _clear_left_over(path: Path) -> None:
    """Remove lock files and half-received packs of a git that was killed; a living one holds the repository's lock."""
    for file in [*path.glob("*.lock"), *(path / "refs").rglob("*.lock"), *(path / "objects").rglob("tmp_*")]:
        with suppress(FileNotFoundError):
            file.unlink()
