"""The whole way through each real sandbox: checkout, work, checkpoint, another sandbox, patch, push."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from jobs.types import Sandbox, SandboxError
from jobs.workspace import checkout, export, restore
from tests.sandbox.places import PROVIDERS, start

if TYPE_CHECKING:
    from tests.workspace.fixtures import Place

BRANCH = "opus/issue-12-7f3c9a"


def sandbox(provider: str, place: Place, name: str) -> Sandbox:
    unique = f"{place.repository.rpartition('-')[2]}-{name}"
    return start(provider, place.home, name=unique, mirror=str(place.snapshot.path))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_work_travels_from_the_mirror_to_a_branch(place: Place, provider: str):
    """A fix made in one sandbox is carried into a second, finished there, and pushed as one commit."""
    with closing(sandbox(provider, place, "first")) as first:
        checkout(first, place.base)
        assert export(first, place.base) is None
        made = first.run(
            "echo fixed > app.py && git add -A && git commit -qm wip && git status --porcelain", timeout=60
        )
        assert (made.exit_code, made.output.strip()) == (0, "")
        kept = export(first, place.base)
    assert kept is not None
    with closing(sandbox(provider, place, "second")) as second:
        restore(second, place.base, kept)
        restore(second, place.base, kept)
        assert second.run("git status --porcelain", timeout=60).output == " M app.py\n"
        second.run("echo tested > test_app.py", timeout=60)
        bundle = export(second, place.base)
    assert bundle is not None
    quarantine = place.quarantine()
    patch = place.receive(bundle, quarantine)
    quarantine.push(patch.commit, BRANCH, place.token)
    assert {file.path for file in patch.files} == {"app.py", "test_app.py"}
    assert place.github.branches(place.repository)[BRANCH] == patch.commit


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_mirror_cannot_be_written_from_inside(place: Place, provider: str):
    """The agent reads the mirror's objects and changes none of them."""
    with closing(sandbox(provider, place, "reader")) as inside:
        checkout(inside, place.base)
        result = inside.run(
            "rm -rf /mirror/objects; touch /mirror/x; chmod 777 /mirror; git --git-dir=/mirror gc", timeout=60
        )
        assert result.exit_code != 0
        assert inside.run("git fsck && git log -1", timeout=60).exit_code == 0
    assert place.mirror.read(place.repository, place.base, "README.md", 100) == b"# Sample\n"
    assert not (place.snapshot.path / "x").exists()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_full_disk_inside_is_told(place: Place, provider: str):
    """Work that cannot be staged because the sandbox is full ends in words, not in half a patch."""
    with closing(sandbox(provider, place, "full")) as inside:
        checkout(inside, place.base)
        inside.run("head -c 30M /dev/urandom > noise; head -c 900M /dev/zero > /tmp/zeros", timeout=120)
        with pytest.raises(SandboxError, match=r"disk is full|could not be staged"):
            export(inside, place.base)
