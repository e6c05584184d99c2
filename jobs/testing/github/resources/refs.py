"""Git refs: reading, making, moving and deleting them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.testing.github import git
from jobs.testing.github.errors import Refused, not_found
from jobs.testing.github.pushes import moved
from jobs.testing.github.router import Call, Router, nothing, reply
from jobs.testing.github.shapes import repositories

if TYPE_CHECKING:
    from jobs.testing.loopback import Answer

router = Router()

NAME = re.compile(r"refs/(heads|tags)/(?!.*(\.\.|//|@\{|\.lock(/|$)))[^\s~^:?*\[\\]+[^\s~^:?*\[\\/.]")


@router.route("GET", "/repos/{owner}/{repo}/git/ref/{ref:path}", needs="contents:read")
def get_ref(call: Call) -> Answer:
    """Return one ref."""
    name = f"refs/{call.parameters['ref']}"
    sha = git.refs(call.repository.path, name).get(name)
    if sha is None:
        raise not_found()
    return reply(repositories.ref(call.world, call.repository, name, sha))


@router.route("GET", "/repos/{owner}/{repo}/git/matching-refs/{ref:path}", needs="contents:read")
def list_matching_refs(call: Call) -> Answer:
    """List the refs whose names begin so."""
    start = f"refs/{call.parameters['ref']}"
    found = {name: sha for name, sha in git.refs(call.repository.path).items() if name.startswith(start)}
    return reply([repositories.ref(call.world, call.repository, name, sha) for name, sha in found.items()])


@router.route("POST", "/repos/{owner}/{repo}/git/refs", needs="contents:write")
def create_ref(call: Call) -> Answer:
    """Make a ref."""
    name, sha = call.required("Reference", "ref"), call.required("Reference", "sha")
    if not NAME.fullmatch(name):
        raise Refused(422, f"{name} is not a valid ref name.")
    if git.resolve(call.repository.path, sha) is None:
        raise Refused(422, "Object does not exist")
    if name in git.refs(call.repository.path, name):
        raise Refused(422, "Reference already exists")
    _move(call, name, git.ZERO, sha)
    return reply(repositories.ref(call.world, call.repository, name, sha), 201)


@router.route("PATCH", "/repos/{owner}/{repo}/git/refs/{ref:path}", needs="contents:write")
def update_ref(call: Call) -> Answer:
    """Move a ref, forward only unless ``force`` is set."""
    name, sha, old = f"refs/{call.parameters['ref']}", call.required("Reference", "sha"), _existing(call)
    if git.resolve(call.repository.path, sha) is None:
        raise Refused(422, "Object does not exist")
    if not call.given("force", default=False) and git.merge_base(call.repository.path, old, sha) != old:
        raise Refused(422, "Update is not a fast forward")
    _move(call, name, old, sha)
    return reply(repositories.ref(call.world, call.repository, name, sha))


@router.route("DELETE", "/repos/{owner}/{repo}/git/refs/{ref:path}", needs="contents:write")
def delete_ref(call: Call) -> Answer:
    """Delete a ref."""
    _move(call, f"refs/{call.parameters['ref']}", _existing(call), git.ZERO)
    return nothing()


def _existing(call: Call) -> str:
    name = f"refs/{call.parameters['ref']}"
    old = git.refs(call.repository.path, name).get(name)
    if old is None:
        raise Refused(422, "Reference does not exist")
    return old


def _move(call: Call, name: str, old: str, new: str) -> None:
    git.update_ref(call.repository.path, name, new, old)
    moved(call.world, call.repository, {name: (old, new)}, call.actor, call.token.value if call.token else "")
