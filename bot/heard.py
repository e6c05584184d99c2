"""What a surface heard a person say, before anything is decided: stored as a delivery, and acted on by a worker."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from jobs.types import Actor, Delivery

if TYPE_CHECKING:
    from collections.abc import Mapping

SURFACES = ("slack", "discord", "api")


@dataclass(frozen=True, slots=True)
class Heard:
    """One utterance. ``words`` are a command without its ``/opus``; plain words are taken as the surface's place says.

    ``channel`` and ``thread`` are the surface's own ids, ``thread`` that of the message that the thread hangs on.
    ``address`` is what the surface needs to answer; ``options`` are what a form was filled in with: repository, base,
    mode, model, dollars. ``mention`` says that plain words need no command.
    """

    surface: str
    key: str
    """Tells it from all others for ever, so that what is heard twice is done once; at most 80 of [0-9A-Za-z-]."""
    user_id: str
    user_name: str
    words: str
    channel: str = ""
    thread: str = ""
    mention: bool = False
    address: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def actor(self) -> Actor:
        """Who spoke, before it is known which GitHub login that is."""
        return Actor(self.surface, self.user_id)

    def delivery(self, now: float | None = None) -> Delivery:
        """Return the utterance as it is stored."""
        body = json.dumps(asdict(self)).encode()
        return Delivery(self.key, self.surface, "command", body, time.time() if now is None else now)

    @classmethod
    def load(cls, body: bytes) -> Heard:
        """Read what was stored."""
        return cls(**json.loads(body))
