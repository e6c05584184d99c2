"""Modals and home tabs of the app."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from jobs.testing.slack import shapes
from jobs.testing.slack.blocks import check_view, named
from jobs.testing.slack.errors import Refused
from jobs.testing.slack.inputs import keep_what_fits
from jobs.testing.slack.methods.registry import Registry
from jobs.testing.slack.records import View

if TYPE_CHECKING:
    from jobs.testing.slack.methods.registry import Arguments
    from jobs.testing.slack.records import JSON, User
    from jobs.testing.slack.world import Trigger, World

registry = Registry()

DEEPEST = 3


@registry.method("views.open")
def open_view(call: Arguments) -> JSON:
    """Open a modal before the person whose action the trigger comes from."""
    payload = _payload(call, "modal")
    view = new_view(call.world, _trigger(call).user, payload)
    return {"view": shapes.view(view)}


@registry.method("views.push")
def push(call: Arguments) -> JSON:
    """Lay a modal over the one that the trigger comes from."""
    payload = _payload(call, "modal")
    trigger = _trigger(call)
    if trigger.view is None or not trigger.view.open:
        raise Refused("invalid_trigger_id", ["[ERROR] the trigger does not come from an open modal"])
    return {"view": shapes.view(push_view(call.world, trigger.view, payload))}


@registry.method("views.update")
def update(call: Arguments) -> JSON:
    """Change an open modal, found by its id or by the app's own ``external_id``."""
    payload = _payload(call, "modal")
    view_id, external_id = call.text("view_id"), call.text("external_id")
    if bool(view_id) == bool(external_id):
        raise Refused("invalid_arguments", ["[ERROR] give either `view_id` or `external_id`"])
    for view in call.world.views.values():
        if view.open and (view.id == view_id or (external_id and view.payload.get("external_id") == external_id)):
            break
    else:
        raise Refused("not_found")
    if call.text("hash") not in {"", view.hash}:
        raise Refused("hash_conflict")
    change_view(view, payload)
    return {"view": shapes.view(view)}


@registry.method("views.publish")
def publish(call: Arguments) -> JSON:
    """Set the home tab that a person sees."""
    payload, user = _payload(call, "home"), call.user("user_id")
    known = call.world.homes.get(user.id)
    if known is None:
        known = call.world.homes[user.id] = _made(call.world, user, payload)
    elif call.text("hash") not in {"", known.hash}:
        raise Refused("hash_conflict")
    else:
        change_view(known, payload)
    return {"view": shapes.view(known)}


def checked_view(payload: Any, kind: str) -> JSON:
    """Return a view's payload with all its ids, or refuse it as Slack does."""
    if not isinstance(payload, dict):
        raise Refused("invalid_arguments", ["[ERROR] must provide an object [json-pointer:/view]"])
    problems = check_view(payload)
    if payload.get("type") != kind and not problems:
        problems = [f"[ERROR] must be of type {kind} [json-pointer:/view/type]"]
    if problems:
        raise Refused("invalid_arguments", problems)
    return {**payload, "blocks": named(payload["blocks"])}


def new_view(world: World, user: User, payload: JSON) -> View:
    """Open a modal, in the place of all that were open before this person."""
    _own_external_id(world, payload)
    for other in world.views.values():
        if other.user is user:
            other.open = False
    view = _made(world, user, payload)
    world.views[view.id] = view
    return view


def push_view(world: World, under: View, payload: JSON) -> View:
    """Lay a modal over another; three may lie on each other."""
    _own_external_id(world, payload)
    pile = [view for view in world.views.values() if view.open and view.root_id == under.root_id]
    if len(pile) >= DEEPEST:
        raise Refused("push_limit_reached")
    view = _made(world, under.user, payload)
    view.root_id, view.previous_id = under.root_id, under.id
    world.views[view.id] = view
    return view


def change_view(view: View, payload: JSON) -> None:
    """Give a view its next version; what was entered stays where block and action are still the same."""
    view.versions.append(view.payload)
    view.payload, view.hash, view.errors = payload, _hash(), {}
    view.typed = keep_what_fits(view.typed, payload["blocks"])


def _made(world: World, user: User, payload: JSON) -> View:
    view_id = world.new_id("V")
    return View(view_id, user, payload, _hash(), view_id, typed=keep_what_fits({}, payload["blocks"]))


def _payload(call: Arguments, kind: str) -> JSON:
    if call.given.get("view") in (None, ""):
        raise Refused("invalid_arguments", ["[ERROR] missing required field: view"])
    return checked_view(call.structure("view", "invalid_arguments"), kind)


def _trigger(call: Arguments) -> Trigger:
    """Take a ``trigger_id``: good once and for a short time."""
    (trigger_id,) = call.required("trigger_id")
    trigger = call.world.triggers.get(trigger_id)
    if trigger is None:
        raise Refused("invalid_trigger_id")
    if trigger.used:
        raise Refused("exchanged_trigger_id")
    if time.monotonic() - trigger.issued_at > call.trigger_seconds:
        raise Refused("expired_trigger_id")
    trigger.used = True
    return trigger


def _own_external_id(world: World, payload: JSON) -> None:
    name = payload.get("external_id")
    if name and any(view.open and view.payload.get("external_id") == name for view in world.views.values()):
        raise Refused("duplicate_external_id")


def _hash() -> str:
    return f"{int(time.time())}.{secrets.token_hex(4)}"
