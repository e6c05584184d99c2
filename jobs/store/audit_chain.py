"""The audit's chain: what a row's MAC covers, and what is wrong with rows that somebody else has touched (pure)."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jobs.store.audit_people import Reader

FIRST_MAC = "0" * 64
"""What stands for the MAC before the first row."""
COVERED = (
    *("number", "at", "what", "repository", "subject", "task_id", "attempt", "allowed"),
    *("model", "image", "cost", "person", "private", "key"),
)
"""The columns under a row's MAC, in their order: all but the MAC itself."""
MARK_LENGTH = 8
MOST_ROWS = 2**53
"""A number beyond this was never one of a row."""
MOST_PROBLEMS = 100
"""So many are told one by one."""
ERASED = "audit:erased"
"""The row that says that a person's key, named by its subject, was destroyed."""
RESTORED = "audit:restored"
"""The row that says that the state was put back to what a backup held."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row of a moment: its number, its MAC, and when that was read, in seconds since the epoch."""

    number: int
    mac: str
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Anchor:
    """The last row that retention has removed; ``seal`` shows that it was ours to remove."""

    number: int
    mac: str
    key: str
    seal: str

    @classmethod
    def read(cls, text: str) -> Anchor:
        """Read an anchor as it is stored; what is none becomes one of no key, which is told at the next look."""
        try:
            found = cls(**json.loads(text))
            texts = [found.mac, found.key, found.seal]
            if type(found.number) is int and 0 < found.number < MOST_ROWS and all(map(_is_hexadecimal, texts)):
                return found
        except (ValueError, TypeError):
            pass
        return cls(0, FIRST_MAC, "", "")

    def is_sealed_by(self, keys: Mapping[str, bytes]) -> bool:
        """Tell whether one of our keys, by their marks, made it."""
        secret = keys.get(self.key)
        return secret is not None and hmac.compare_digest(self.seal, _seal(secret, self.number, self.mac))


@dataclass(slots=True)
class Verdict:
    """What a look at all rows found; ``problems`` is empty where the chain is whole."""

    rows: int = 0
    first: int = 0
    head: Head = field(default_factory=lambda: Head(0, FIRST_MAC))
    removed: int = 0
    """How many rows retention has removed before the first one."""
    heads: int = 0
    """How many of the published heads were found in the chain."""
    superseded: int = 0
    """How many were published before the state was put back to a backup from before them."""
    problems: list[str] = field(default_factory=list)
    """What is wrong, in words; the first of it where that is much."""
    wrong: int = 0
    """How many problems there are in all."""

    def complain(self, words: str) -> None:
        """Note a problem."""
        self.wrong += 1
        if self.wrong <= MOST_PROBLEMS:
            self.problems.append(words)


def mark(secret: bytes) -> str:
    """Return what tells one key from another without giving it away."""
    return hmac.digest(secret, b"opus67 audit mark", hashlib.sha256).hex()[:MARK_LENGTH]


def anchored(secret: bytes, number: int, mac: str) -> Anchor:
    """Return the anchor that stands for the rows up to a number."""
    return Anchor(number, mac, mark(secret), _seal(secret, number, mac))


def mac_of(secret: bytes, before: str, row: Mapping[str, Any]) -> str:
    """Return the MAC of a row: HMAC-SHA256 over the MAC before it and the row's values as JSON."""
    values = json.dumps([row[name] for name in COVERED], separators=(",", ":"), default=repr)
    return hmac.digest(secret, f"{before}\n{values}".encode(), hashlib.sha256).hex()


class Check:
    """One walk along the chain: ``take`` each row, ordered by number, and ``end``.

    ``keys`` are the installation's, by their marks; ``heads`` are those that were published.
    """

    def __init__(self, keys: Mapping[str, bytes], reader: Reader, heads: Sequence[Head], anchor: Anchor | None) -> None:
        self.verdict = Verdict()
        self._keys, self._reader = keys, reader
        self._heads: dict[int, dict[str, float]] = {}
        for head in heads:
            self._heads.setdefault(head.number, {})[head.mac] = head.at
        self._expected, self._before = 1, FIRST_MAC
        self._unseen: dict[str, int] = {}
        self._restored: list[tuple[int, float]] = []
        self._missed: list[Head] = []
        if anchor is not None:
            self._begin_behind(anchor)

    def _begin_behind(self, anchor: Anchor) -> None:
        """Start behind what retention has removed."""
        if not anchor.is_sealed_by(self._keys):
            self.verdict.complain(
                f"the anchor for the removed rows up to {anchor.number} is not ours, or of a key that is not known here"
            )
        self._expected, self._before = anchor.number + 1, anchor.mac
        self.verdict.removed = anchor.number

    def take(self, row: Mapping[str, Any]) -> None:
        """Look at the next row."""
        number, verdict = int(row["number"]), self.verdict
        verdict.first = verdict.first or number
        verdict.rows += 1
        gap = number != self._expected
        if gap:
            verdict.complain(_missing(self._expected, number - 1))
        secret = self._keys.get(row["key"])
        if secret is None:
            verdict.complain(f"row {number} was written with a key that is not known here ({str(row['key'])[:16]})")
        # Behind a gap the MAC before is not known; that row is held by the ones that follow it.
        elif not gap and not hmac.compare_digest(_text(row["mac"]), mac_of(secret, self._before, row)):
            verdict.complain(f"row {number} is not as it was written, or not written by Opus 67")
        else:
            self._look_inside(row)
        self._compare(number, str(row["mac"]))
        self._expected, self._before = number + 1, str(row["mac"])
        verdict.head = Head(number, self._before)

    def end(self) -> Verdict:
        """Return what was found, with what only the end shows: heads that are not in it, people whose keys are gone."""
        for head in self._later_heads():
            self._miss(head)
        for head in self._missed:
            if any(number <= head.number and at >= head.at for number, at in self._restored):
                self.verdict.superseded += 1
                continue
            cut = head.number > self.verdict.head.number
            why = "the end was cut off" if cut else "it is another one now"
            self.verdict.complain(f"row {head.number} was published with the MAC {head.mac[:16]}…, and {why}")
        for person, number in self._unseen.items():
            self.verdict.complain(
                f"the key of person {person[:4]}, named in row {number}, is gone, and no row says that they were erased"
            )
        return self.verdict

    def _look_inside(self, row: Mapping[str, Any]) -> None:
        """Note what a good row says of keys and backups, and whether what is private in it can be read."""
        person, number = str(row["person"]), int(row["number"])
        if row["what"] == ERASED:
            self._unseen.pop(str(row["subject"]), None)
        if row["what"] == RESTORED:
            self._restored.append((number, float(row["at"])))
        if not person:
            return
        if not self._reader.knows(person):
            self._unseen.setdefault(person, number)
        elif self._reader.read(row) is None:
            self.verdict.complain(f"row {number} cannot be read with the key of its person: the key was changed")

    def _compare(self, number: int, mac: str) -> None:
        for published, at in self._heads.pop(number, {}).items():
            if published == mac:
                self.verdict.heads += 1
            else:
                self._miss(Head(number, published, at))

    def _later_heads(self) -> Iterator[Head]:
        for number in sorted(self._heads):
            if number > self.verdict.removed:
                yield from (Head(number, mac, at) for mac, at in self._heads[number].items())

    def _miss(self, head: Head) -> None:
        self._missed.append(head)


def _missing(first: int, last: int) -> str:
    if last < first:
        return f"row {last + 1} stands where row {first} should"
    gone = f"row {first} is missing" if first == last else f"rows {first} to {last} are missing"
    return f"{gone}, so row {last + 1} cannot be held to what was before it"


def _seal(secret: bytes, number: int, mac: str) -> str:
    return hmac.digest(secret, f"opus67 audit anchor {number} {mac}".encode(), hashlib.sha256).hex()


def _is_hexadecimal(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{1,64}", value) is not None


def _text(value: Any) -> str:
    """Return a MAC as it can be compared in constant time, which takes ASCII only."""
    return str(value).encode("ascii", "replace").decode()
