"""The mirror cache: fetched by need, healed when damaged, told in words when not to be had."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING

import pytest

from jobs.types import GitHubUnavailable, UserError
from jobs.workspace import Mirror
from tests.waiting import until
from tests.workspace.fixtures import FILES, Place, mint

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.testing.github import LocalGitHub

NOWHERE = "http://127.0.0.1:9"


def git_requests(place: Place) -> int:
    return sum(place.repository in exchange.path and ".git/" in exchange.path for exchange in place.github.requests)


def test_the_default_branch_is_found_and_mirrored(place: Place):
    """Without a wish the mirror holds the newest commit of the default branch."""
    assert place.snapshot.branch == "main"
    assert place.snapshot.base_sha == place.github.branches(place.repository)["main"]
    assert place.snapshot.path == place.home / "mirrors" / f"{place.repository}.git"


def test_nothing_is_asked_of_the_network_for_a_commit_that_is_there(place: Place):
    """A second fetch of a known commit makes no request, and works with the server away."""
    before = git_requests(place)
    place.mirror.fetch(place.repository, place.token, want=place.base, branch="main")
    assert git_requests(place) == before
    snapshot = Mirror(place.home, NOWHERE).fetch(place.repository, "no token", want=place.base, branch="main")
    assert (snapshot.base_sha, snapshot.branch) == (place.base, "main")


def test_a_new_commit_is_fetched(place: Place):
    """A commit that is not there is brought, and read back from the mirror."""
    new = place.github.commit_file(place.repository, "main", "new.txt", "new")
    snapshot = place.mirror.fetch(place.repository, place.token, want=new)
    assert place.mirror.read(place.repository, snapshot.base_sha, "new.txt", 100) == b"new"
    assert place.mirror.read(place.repository, place.base, "new.txt", 100) is None


def test_another_branch_may_be_named(place: Place):
    """The head of a named branch is found; a branch that is absent is told with the cure."""
    new = place.github.commit_file(place.repository, "release", "new.txt", "new")
    assert place.mirror.fetch(place.repository, place.token, branch="release").base_sha == new
    with pytest.raises(UserError, match=r"has no branch 'nope'.*opus67.yml"):
        place.mirror.fetch(place.repository, place.token, branch="nope")


def test_a_commit_that_a_force_push_left_behind_is_still_brought(place: Place):
    """A commit that no branch reaches is asked for by its name."""
    lost = place.github.commit_file(place.repository, "side", "lost.txt", "lost")
    place.github.delete_branch(place.repository, "side", by="octo")
    assert place.mirror.fetch(place.repository, place.token, want=lost).base_sha == lost


def test_a_commit_that_nobody_has_is_told(place: Place):
    """A commit that GitHub does not know ends in words, and the mirror lives on."""
    with pytest.raises(UserError, match="no longer has the commit"):
        place.mirror.fetch(place.repository, place.token, want="1" * 40)
    assert place.mirror.fetch(place.repository, place.token, want=place.base).base_sha == place.base


def test_a_repository_without_commits_is_told(github: LocalGitHub, home: Path):
    """An empty repository ends in words that name the next step."""
    github.create_repository("octo/empty-one", {})
    with pytest.raises(UserError, match="no commit yet"):
        Mirror(home, github.server_url).fetch("octo/empty-one", mint(github, "octo/empty-one"))


def test_a_repository_that_the_token_may_not_see_is_told(place: Place, home: Path):
    """No access reads the same as not there, and names what to check."""
    place.github.create_repository(f"{place.repository}-other", FILES)
    with pytest.raises(UserError, match=r"not found, or the App may not see it"):
        place.mirror.fetch(f"{place.repository}-other", place.token)
    with pytest.raises(UserError, match="no access to its contents"):
        place.mirror.fetch(place.repository, "ghs_wrong_token")


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_server_in_trouble_is_worth_another_try(place: Place, status: int):
    """A server error is no fault of the person: the queue tries again."""
    new = place.github.commit_file(place.repository, "main", "new.txt", "new")
    place.github.faults.add("*", place.repository, status=status)
    with pytest.raises(GitHubUnavailable) as caught:
        place.mirror.fetch(place.repository, place.token, want=new)
    assert caught.value.retry_after > 0
    assert place.mirror.fetch(place.repository, place.token, want=new).base_sha == new


def test_a_server_that_is_away_is_worth_another_try(home: Path):
    """A refused connection is told as GitHub being away."""
    with pytest.raises(GitHubUnavailable, match="did not answer"):
        Mirror(home, NOWHERE).fetch("octo/sample", "token")


def test_a_dropped_connection_is_worth_another_try(place: Place):
    """A connection that breaks is told as GitHub being away."""
    place.github.faults.add("*", place.repository, drop=True)
    with pytest.raises(GitHubUnavailable):
        place.mirror.fetch(place.repository, place.token, branch="main")


def test_a_redirect_is_not_followed(place: Place):
    """A moved repository is told as such, and the token goes nowhere else."""
    place.github.faults.add("*", place.repository, status=301, headers={"Location": f"{NOWHERE}/x/info/refs"})
    with pytest.raises(UserError, match="renamed or moved"):
        place.mirror.fetch(place.repository, place.token, branch="main")


@pytest.mark.parametrize(
    "name", ["octo", "../x/y", "octo/..", "octo/.", "-o/x", "octo/a b", "octo/x/../y", "octo/x\n", ""]
)
def test_a_name_that_is_no_repository_is_refused(home: Path, name: str):
    """A name cannot lead out of the mirrors' folder or become an option."""
    with pytest.raises(UserError, match="owner/name"):
        Mirror(home, NOWHERE).fetch(name, "token")


@pytest.mark.parametrize("url", ["file:///tmp/x", "ext::sh -c id", "ssh://git@host/x", "https://a:b@host", "", "host"])
def test_a_server_that_is_no_web_address_is_refused(home: Path, url: str):
    """Only http and https reach git, and no password in an address."""
    with pytest.raises(UserError, match="GITHUB_SERVER_URL"):
        Mirror(home, url)


def damage_pack(path: Path) -> None:
    for pack in (path / "objects" / "pack").glob("*.pack"):
        pack.chmod(0o644)
        pack.write_bytes(pack.read_bytes()[:40])


def damage_objects(path: Path) -> None:
    shutil.rmtree(path / "objects")


def damage_config(path: Path) -> None:
    (path / "config").write_text("[broken")


def damage_head(path: Path) -> None:
    (path / "HEAD").unlink()


def damage_refs(path: Path) -> None:
    (path / "packed-refs").write_text("nonsense\n")
    (path / "refs" / "heads" / "main").write_text("nonsense\n")


@pytest.mark.parametrize("damage", [damage_pack, damage_objects, damage_config, damage_head, damage_refs])
def test_a_damaged_mirror_heals(place: Place, damage):
    """Whatever is broken in a mirror, the next fetch makes it whole."""
    new = place.github.commit_file(place.repository, "main", "new.txt", "new")
    damage(place.snapshot.path)
    place.mirror.fetch(place.repository, place.token, want=new)
    assert place.mirror.read(place.repository, new, "new.txt", 10) == b"new"
    assert place.mirror.read(place.repository, new, "README.md", 100) == b"# Sample\n"


def test_a_half_made_mirror_is_never_used(place: Place):
    """A clone that fails leaves nothing in the mirror's place, and the next one works."""
    place.mirror.forget(place.repository)
    place.github.faults.add("POST", place.repository, times=3, drop=True)
    with pytest.raises(GitHubUnavailable):
        place.mirror.fetch(place.repository, place.token, want=place.base)
    assert not place.snapshot.path.exists()
    place.github.faults.clear()
    assert place.mirror.fetch(place.repository, place.token, want=place.base).path.is_dir()


def test_what_a_killed_git_left_is_in_nobodys_way(place: Place):
    """A lock file of git's in a mirror that nobody has locked is removed, and the fetch goes on at once."""
    lock = place.snapshot.path / "refs" / "heads" / "main.lock"
    lock.touch()
    new = place.github.commit_file(place.repository, "main", "new.txt", "new")
    assert place.mirror.fetch(place.repository, place.token, want=new).base_sha == new
    assert not lock.exists()


def test_a_git_that_outlives_its_worker_keeps_the_mirror(place: Place):
    """While git is at work for a worker that died, no other one touches the folder; then the next one goes on."""
    place.mirror.forget(place.repository)
    hung = place.github.faults.add("POST", "git-upload-pack$", hang=True)
    program = "import sys; from pathlib import Path; from jobs.workspace import Mirror; "
    program += "Mirror(Path(sys.argv[1]), sys.argv[2]).fetch(*sys.argv[3:5], want=sys.argv[5])"
    given = [str(place.home), place.github.server_url, place.repository, place.token, place.base]
    worker = subprocess.Popen([sys.executable, "-c", program, *given])
    until(lambda: hung.hits, what="a git that waits for GitHub")
    worker.kill()
    worker.wait()
    with place.mirror.path(place.repository).with_name(f"{place.repository.split('/')[1]}.git.lock").open() as lock:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        place.github.faults.clear()
        assert place.mirror.fetch(place.repository, place.token, want=place.base).base_sha == place.base


def test_many_fetches_at_once_make_one_clone(place: Place):
    """Workers that want the same repository wait for the first of them."""
    place.mirror.forget(place.repository)
    before = git_requests(place)
    found: list[str] = []

    def fetch() -> None:
        mirror = Mirror(place.home, place.github.server_url)
        found.append(mirror.fetch(place.repository, place.token, want=place.base).base_sha)

    threads = [threading.Thread(target=fetch) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [place.base] * 6
    # One clone asks with two or three requests, the first of them without having been asked for a password.
    assert git_requests(place) - before <= 4


def test_the_token_is_in_no_argument_no_file_and_no_message(place: Place, tmp_path: Path):
    """What git was called with, what it left on the disk and what it said never holds the token."""
    seen = tmp_path / "seen"
    program = textwrap.dedent(f"""
        import sys, threading, time
        from pathlib import Path
        from jobs.workspace import Mirror
        stop = threading.Event()
        def watch():
            with open({str(seen)!r}, "ab") as file:
                while not stop.is_set():
                    for path in Path("/proc").glob("[0-9]*/cmdline"):
                        try:
                            file.write(path.read_bytes() + b"\\n")
                        except OSError:
                            pass
        thread = threading.Thread(target=watch)
        thread.start()
        try:
            Mirror(Path({str(tmp_path / "home")!r}), {place.github.server_url!r}).fetch({place.repository!r}, sys.stdin.read())
        finally:
            stop.set()
            thread.join()
    """)
    done = subprocess.run([sys.executable, "-c", program], input=place.token.encode(), capture_output=True, check=True)
    commands = seen.read_bytes()
    assert b"remote-http" in commands
    stored = b"".join(path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file())
    assert place.token.encode() not in commands + stored + done.stdout + done.stderr
    assert b"authorization" not in (commands + stored).lower()


def test_committed_files_are_read_and_listed(place: Place):
    """The mirror answers what a commit holds, and cuts what is longer than was asked for."""
    assert sorted(FILES) == place.mirror.list_files(place.repository, place.base)
    assert place.mirror.read(place.repository, place.base, "README.md", 3) == b"# S"
    assert place.mirror.read(place.repository, place.base, "package", 100) is None
    assert place.mirror.read(place.repository, place.base, "../README.md", 100) is None
    assert place.mirror.read(place.repository, place.base, "README.md\nHEAD", 100) is None
    assert place.mirror.read(place.repository, "--help", "README.md", 100) is None


def test_many_files_are_read_at_once(place: Place, tmp_path: Path):
    """Each is what reading it alone gives: links, long files, folders, and links whose targets look like an answer."""
    work, origin = tmp_path / "work", place.github.world.repository(place.repository).path
    subprocess.run(["git", "clone", "-q", str(origin), str(work)], check=True)
    secret = subprocess.run(
        ["git", "-C", str(work), "rev-parse", "HEAD:app.py"], check=True, capture_output=True, text=True
    ).stdout
    posing = f"{secret.strip()} blob 6\n"
    links = {
        "inside": "README.md",
        "outside": "/etc/passwd",
        "nowhere": f"gone\n{posing}",
        "loop": "loop",
        "under": "README.md/x",
        "above": f"../x\n{posing}",
    }
    for name, target in links.items():
        (work / name).symlink_to(target)
    (work / "long").write_text("x" * 5000)
    (work / "empty").touch()
    (work / "last").write_text("last\nline")
    subprocess.run(["git", "-C", str(work), "add", "-A"], check=True)
    subprocess.run(
        ["git", "-C", str(work), "-c", "user.name=o", "-c", "user.email=o", "commit", "-qm", "x"], check=True
    )
    subprocess.run(["git", "-C", str(work), "push", "-q", "origin", "HEAD:main"], check=True)
    head = place.mirror.fetch(place.repository, place.token).base_sha
    paths = [*links, "README.md", "long", "empty", "package", "absent", "last"]
    found = place.mirror.read_all(place.repository, [(head, path) for path in paths], 100)
    alone = {path: place.mirror.read(place.repository, head, path, 100) for path in paths}
    assert {path: found.get((head, path)) for path in paths} == alone
    assert (alone["inside"], alone["long"], alone["nowhere"]) == (b"# Sample\n", b"x" * 100, None)


def test_a_committed_link_is_followed_inside_the_tree_only(place: Place, tmp_path: Path):
    """AGENTS.md may be a link to CLAUDE.md; a link to a file of the host is nothing."""
    work = tmp_path / "work"
    origin = place.github.world.repository(place.repository).path
    identity = ["-c", "user.name=o", "-c", "user.email=o"]
    subprocess.run(["git", "clone", "-q", str(origin), str(work)], check=True)
    (work / "AGENTS.md").symlink_to("README.md")
    (work / "SECRET.md").symlink_to("/etc/passwd")
    subprocess.run(["git", "-C", str(work), "add", "-A"], check=True)
    subprocess.run(["git", "-C", str(work), *identity, "commit", "-qm", "links"], check=True)
    subprocess.run(["git", "-C", str(work), "push", "-q", "origin", "HEAD:main"], check=True)
    snapshot = place.mirror.fetch(place.repository, place.token)
    assert place.mirror.read(place.repository, snapshot.base_sha, "AGENTS.md", 100) == b"# Sample\n"
    assert place.mirror.read(place.repository, snapshot.base_sha, "SECRET.md", 100) is None


def test_a_mirror_made_anew_leaves_the_old_one_to_those_who_use_it(place: Place):
    """Replacing a mirror does not pull it from under a running sandbox."""
    held = os.open(place.snapshot.path, os.O_RDONLY)
    try:
        place.mirror.replace(place.repository, place.token, place.base)
        assert "HEAD" in os.listdir(held)  # noqa: PTH208 - by its handle, not by its path
        assert place.mirror.read(place.repository, place.base, "README.md", 100) == b"# Sample\n"
    finally:
        os.close(held)


def test_a_forgotten_mirror_is_gone(place: Place):
    """A repository that the App may no longer see leaves nothing behind."""
    place.mirror.forget(place.repository)
    place.mirror.forget(place.repository)
    place.mirror.forget("octo/never-seen")
    assert not place.snapshot.path.exists()


def test_many_small_packs_are_joined(place: Place):
    """Fetching for months does not make the mirror slow: packs are joined, and nothing in them is lost."""
    commits = []
    for number in range(45):
        commits.append(place.github.commit_file(place.repository, "main", "n.txt", str(number)))
        place.mirror.fetch(place.repository, place.token, want=commits[-1])
    packs = list((place.snapshot.path / "objects" / "pack").glob("*.pack"))
    loose = list((place.snapshot.path / "objects").glob("[0-9a-f][0-9a-f]/*"))
    assert len(packs) < 40
    assert len(loose) < 400
    assert all(place.mirror.read(place.repository, commit, "n.txt", 10) for commit in [place.base, *commits][1:])
