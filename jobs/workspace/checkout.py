"""The repository into a sandbox and the work out of it: one script each, run by the sandbox's own git.

What these scripts print is written by an agent, as far as the host is concerned: it is never trusted.
"""

from __future__ import annotations

import re
import shlex

from jobs.types import CommandResult, PatchRefused, Sandbox, SandboxError, SandboxFileError
from jobs.workspace.git import MEBIBYTE

CHECKOUT_SECONDS = 300.0
EXPORT_SECONDS = 180.0
BUNDLE_LIMIT = 48 * MEBIBYTE
BIG_FILE_MEBIBYTES = 64

_RESTORE = "/tmp/opus67-restore.bundle"  # noqa: S108 - a path in the sandbox, whose /tmp is its own
_EXPORT = "/tmp/opus67-export"  # noqa: S108 - likewise
_COMMIT = re.compile(r"[0-9a-f]{40}")

_EXIT_OTHER_BASE = 40
_EXIT_UNCHANGED = 41
_EXIT_BIG_FILES = 42
_EXIT_FULL = 43

_HEADER = """
unset -v ${!GIT_@}
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_ATTR_NOSYSTEM=1 GIT_NO_REPLACE_OBJECTS=1
export GIT_TERMINAL_PROMPT=0
export HOME=/nonexistent XDG_CONFIG_HOME=/nonexistent LC_ALL=C
g() {
  git -c safe.directory='*' -c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.compression=1 \\
    -c checkout.workers=4 -c gc.auto=0 -c maintenance.auto=false -c advice.addEmbeddedRepo=false "$@"
}
cd /workspace || exit 1
"""

# A workspace that has files and no mark of being incomplete is a finished one, whatever the agent did to it since.
# That of a spare is brought to the base: git writes the files that differ. Where attributes differ, others would have
# to be written as well, so all are written anew. The index gets a later time than the files, which nobody touched
# since: git reads again all that are of the same second.
_CHECKOUT = """
if [ -e .git/opus67-incomplete ]; then find . -mindepth 1 -delete || exit 1; fi
at=$(cat .git/opus67-base 2>/dev/null)
if [ -e .git/opus67-spare ]; then
  if [ "$at" = "$base" ] || g diff-tree -r --quiet "$at" "$base" -- ':(glob)**/.gitattributes'; then
    : > .git/opus67-incomplete
    rm .git/opus67-spare
    touch .git/index
  else
    find . -mindepth 1 -delete || exit 1
    at=
  fi
elif [ -n "$(ls -A)" ]; then
  [ -z "$at" ] || [ "$at" = "$base" ] || exit 40
  exit 0
fi
set -e
if ! [ -e .git/opus67-incomplete ]; then
  mkdir .git
  : > .git/opus67-incomplete
  g init -q --template= -b work .
  mkdir -p .git/info
  echo /mirror/objects > .git/objects/info/alternates
  g config user.name 'Opus 67'
  g config user.email 'opus67@localhost'
fi
g --git-dir=/mirror for-each-ref --format='%(objectname) %(refname)' refs/tags > .git/packed-refs
if [ "$at" != "$base" ]; then
  g update-ref refs/heads/work "$base"
  echo "$base" > .git/opus67-base
fi
if [ -n "$bundle" ]; then
  # git takes a bundle only where its references reach all that the bundle builds on.
  [ -z "$merges" ] || g update-ref refs/opus67/merges "$merges"
  commit=$(g bundle unbundle "$bundle" | head -c 40)
  g read-tree -u --reset "$commit"
  g reset -q
  rm -f "$bundle"
elif [ "$at" != "$base" ]; then
  g read-tree -u --reset "$base"
fi
[ -z "$spare" ] || : > .git/opus67-spare
rm .git/opus67-incomplete
"""

# What tools leave behind is no work; it counts only where the repository itself has such files.
_LEFT_BEHIND = (
    *("__pycache__/", "*.py[co]", ".pytest_cache/", ".mypy_cache/", ".ruff_cache/", ".hypothesis/", ".tox/", ".nox/"),
    *(".venv/", "*.egg-info/", ".coverage", "node_modules/", ".npm/", ".cache/", ".DS_Store"),
)

# A repository of its own with an index of its own: what the agent did to .git cannot change what the files are.
# The index is refreshed before anything is added, or every file would be written again as an object: git cannot touch
# the read-only mirror's packs, and takes their objects for absent then (1.2 s instead of 0.2 s for 5 000 files).
# For the same reason the index gets a later time: files of the same second would be read and written once more.
_STAGE = """
rm -rf "$private"; mkdir "$private" || exit 43
export GIT_DIR="$private/git" GIT_WORK_TREE=/workspace
g init -q --template= -b work || exit 1
mkdir -p "$GIT_DIR/info"
echo /mirror/objects > "$GIT_DIR/objects/info/alternates"
printf '%s\\n' "${left_behind[@]}" > "$GIT_DIR/info/exclude"
g read-tree "$base" || exit 1
[ -z "$merges" ] || g ls-tree -r -z "$merges" | g update-index --add --replace -z --index-info || exit 1
g update-index -q --refresh > "$private/refreshed"
touch -d '2 seconds' "$GIT_DIR/index" 2>/dev/null
g ls-files -z --cached --others --exclude-standard | sed -z 's|^|./|' |
  xargs -0 -r sh -c 'find "$@" -maxdepth 0 -type f -size +"$0"M' "$big" 2>/dev/null > "$private/big"
if [ -s "$private/big" ]; then head -n 5 "$private/big"; exit 42; fi
if ! g add --all . 2> "$private/errors"; then
  find . -path ./.git -prune -o -type d ! -perm -u+rwx -exec chmod u+rwx {} \\;
  find . -path ./.git -prune -o -type f ! -perm -u+r -exec chmod u+r {} +
  g add --all --ignore-errors . 2> "$private/errors"
fi
if grep -q -i -E 'no space left|disk quota|unable to write|file write error' "$private/errors"; then exit 43; fi
"""

# A committed file whose line ends are not what .gitattributes says differs as soon as git looks at it. Where the file
# is byte by byte what a checkout of the base writes, nobody touched it.
_UNTOUCHED = """
if [ -n "$(g ls-files -- '*.gitattributes')" ]; then
  g diff-index --cached --name-only --no-renames --diff-filter=M -z "$base" > "$private/modified"
  export GIT_INDEX_FILE="$private/index-of-base"
  g read-tree "$base" && g checkout-index -q -z --stdin --prefix="$private/checked-out/" < "$private/modified"
  unset -v GIT_INDEX_FILE
  while IFS= read -r -d '' path; do
    if cmp -s -- "./$path" "$private/checked-out/$path"; then printf '%s\\0' "$path"; fi
  done < "$private/modified" > "$private/untouched"
  if [ -s "$private/untouched" ]; then
    g --literal-pathspecs reset -q --pathspec-from-file="$private/untouched" --pathspec-file-nul "$base" || exit 1
  fi
fi
"""

# Another repository inside this one would become a link to a commit that nobody has: it is left out.
_COMMIT_AND_BUNDLE = """
links() { grep -z '^160000 ' | cut -z -f 2- | sort -z; }
g ls-files -z --stage | links > "$private/links"
if [ -s "$private/links" ]; then
  { g ls-tree -r -z "$base"; [ -z "$merges" ] || g ls-tree -r -z "$merges"; } | links > "$private/links-before"
  comm -z -23 "$private/links" "$private/links-before" | g update-index -z --force-remove --stdin || exit 1
fi
tree=$(g write-tree) || exit 1
[ -n "$merges" ] || [ "$tree" != "$(g rev-parse "$base^{tree}")" ] || exit 41
export GIT_AUTHOR_NAME=work GIT_AUTHOR_EMAIL=work GIT_AUTHOR_DATE='@0 +0000'
export GIT_COMMITTER_NAME=work GIT_COMMITTER_EMAIL=work GIT_COMMITTER_DATE='@0 +0000'
commit=$(g commit-tree -p "$base" ${merges:+-p "$merges"} -m work "$tree") || exit 1
g update-ref refs/heads/work "$commit" || exit 1
g bundle create -q "$private/work.bundle" refs/heads/work "^$base" ${merges:+"^$merges"} || exit 43
"""


def checkout(sandbox: Sandbox, base: str) -> None:
    """Check out ``base`` at /workspace on the local branch ``work``, from /mirror; leaves a finished checkout alone.

    Raises ``SandboxError`` when that fails, or when the workspace is a checkout of another commit.
    """
    _bring(sandbox, base)


def checkout_beforehand(sandbox: Sandbox, base: str) -> None:
    """Check out ``base`` for a run that is not known yet: its ``checkout`` or ``restore`` moves on from there."""
    _bring(sandbox, base, spare="yes")


def restore(sandbox: Sandbox, base: str, bundle: bytes, *, merges: str = "") -> None:
    """Check out ``base`` with the changes of a checkpoint on top, uncommitted; leaves a finished checkout alone.

    ``merges`` is as it was for ``export``.
    """
    try:
        sandbox.write(_RESTORE, bundle)
    except SandboxFileError as error:
        raise SandboxError(
            f"The kept work could not be brought back into the sandbox: {error}. Run it again."
        ) from error
    _bring(sandbox, base, bundle=_RESTORE, merges=merges)


def export(sandbox: Sandbox, base: str, *, merges: str = "", limit: int = BUNDLE_LIMIT) -> bytes | None:
    """Return what the files of /workspace are, against ``base``, as a bundle of one commit; None when nothing changed.

    Commits, branches and the index that the agent made do not count, and ignored files are left out.
    Where the commit ``merges`` of the mirror is merged in, the bundle is told against both, and is never None.
    Raises ``PatchRefused`` when the work is over ``limit`` bytes, and ``SandboxError`` when it cannot be had.
    """
    names = " ".join(shlex.quote(pattern) for pattern in _LEFT_BEHIND)
    settings = f"private={_EXPORT} big={BIG_FILE_MEBIBYTES} left_behind=({names})"
    result = run_script(
        sandbox, base, f"{settings} {_merging(merges)}", _STAGE + _UNTOUCHED + _COMMIT_AND_BUNDLE, EXPORT_SECONDS
    )
    try:
        if result.exit_code == _EXIT_UNCHANGED:
            return None
        _refuse(result)
        return sandbox.read(f"{_EXPORT}/work.bundle", limit=limit)
    except SandboxFileError as error:
        reason = str(error).rstrip(".")
        raise PatchRefused(
            f"The changes could not be taken out of the sandbox ({reason}). All may have {limit // MEBIBYTE} MB: "
            "leave out or ignore generated files."
        ) from error
    finally:
        sandbox.run(f"rm -rf {_EXPORT}", timeout=60, cwd="/")


checkpoint = export
"""Keep the work so far, for ``restore`` in another sandbox."""


def _bring(sandbox: Sandbox, base: str, *, bundle: str = "", merges: str = "", spare: str = "") -> None:
    settings = f"bundle={bundle} spare={spare} {_merging(merges)}"
    result = run_script(sandbox, base, settings, _CHECKOUT, CHECKOUT_SECONDS)
    if result.exit_code == _EXIT_OTHER_BASE:
        raise SandboxError("The sandbox holds a checkout of another commit. Run the task again to have a new sandbox.")
    if result.exit_code != 0 or result.timed_out:
        raise SandboxError(f"The checkout in the sandbox failed: {_end(result)}. Run the task again.")


def _refuse(result: CommandResult) -> None:
    if result.timed_out:
        raise SandboxError(f"The changes could not be read within {EXPORT_SECONDS:.0f} seconds. Run the task again.")
    if result.exit_code == _EXIT_BIG_FILES:
        names = ", ".join(repr(line.removeprefix("./"))[1:-1] for line in result.output.splitlines()[:5])
        raise PatchRefused(f"{names}: a file over {BIG_FILE_MEBIBYTES} MB cannot be published. Remove or ignore it.")
    if result.exit_code == _EXIT_FULL:
        raise SandboxError(
            "The sandbox's disk is full, so the changes cannot be taken out. Remove generated files in it."
        )
    if result.exit_code != 0:
        raise SandboxError(f"The changes could not be staged: {_end(result)}. Run the task again.")


def _merging(merges: str) -> str:
    if merges and not _COMMIT.fullmatch(merges):
        raise ValueError(f"not a commit: {merges[:80]!r}")
    return f"merges={merges}"


def run_script(sandbox: Sandbox, base: str, settings: str, script: str, seconds: float) -> CommandResult:
    """Run a script in the workspace with the sandbox's git set up; ``settings`` are assignments of the shell."""
    if not _COMMIT.fullmatch(base):
        raise ValueError(f"not a commit: {base[:80]!r}")
    command = f"base={base} {settings}\n{_HEADER}{script}"
    return sandbox.run(command, timeout=seconds, cwd="/")


def _end(result: CommandResult) -> str:
    lines = [line for line in result.output.splitlines() if line.strip()]
    return repr(lines[-1][:300])[1:-1] if lines else f"it ended with {result.exit_code}"
