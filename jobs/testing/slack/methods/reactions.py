"""Reactions to messages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.testing.slack.errors import Refused
from jobs.testing.slack.methods.registry import Registry

if TYPE_CHECKING:
    from jobs.testing.slack.methods.registry import Arguments
    from jobs.testing.slack.records import JSON

registry = Registry()


@registry.method("reactions.add", scope="reactions:write")
def add(call: Arguments) -> JSON:
    """React, once with each emoji."""
    name, message = _name(call), call.message("timestamp")
    if (name, call.world.bot) in message.reactions:
        raise Refused("already_reacted")
    message.reactions.append((name, call.world.bot))
    return {}


@registry.method("reactions.remove", scope="reactions:write")
def remove(call: Arguments) -> JSON:
    """Take a reaction back."""
    name, message = _name(call), call.message("timestamp")
    if (name, call.world.bot) not in message.reactions:
        raise Refused("no_reaction")
    message.reactions.remove((name, call.world.bot))
    return {}


def _name(call: Arguments) -> str:
    """Return the emoji's name, without colons as Slack wants it."""
    (name,) = call.required("name")
    if not re.fullmatch(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?", name):
        raise Refused("invalid_name")
    return name
