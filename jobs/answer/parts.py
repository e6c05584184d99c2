"""What a command answers before a surface has put it into its own form: our sentences, and what is quoted in them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Say:
    """Our own sentence. Its only markup is `code` between backticks; what strangers wrote in it was made one line."""

    text: str


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a person or a model, as they are: every surface neutralises them in its own way."""

    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A table: column names, and rows of plain words that may be anybody's."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Diff:
    """A patch as text, cut by who made the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link of ours: to GitHub, or to a page of the bot."""

    text: str
    url: str


LEFT_OUT = "left_out"
"""Under this name ``Answer.data`` holds, in words, what was hidden in what somebody said, and was left out of it."""

Part = Say | Quote | Listing | Diff | Link
_PARTS: Mapping[str, type[Any]] = {part.__name__.lower(): part for part in (Say, Quote, Listing, Diff, Link)}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answers.

    ``ok`` is False where it was not carried out; ``task_id`` names the task that it is about; ``private`` answers are
    for who asked alone, such as refusals and codes; ``data`` is the same for programs. Without parts it is a nod.
    """

    parts: tuple[Part, ...] = ()
    ok: bool = True
    task_id: str = ""
    private: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)

    def dump(self) -> dict[str, Any]:
        """Return the answer as JSON."""
        parts = [{"part": type(part).__name__.lower(), **asdict(part)} for part in self.parts]
        return {**asdict(self), "parts": parts, "data": dict(self.data)}

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> Answer:
        """Rebuild what ``dump`` took apart."""
        return cls(**{**values, "parts": tuple(_load(part) for part in values["parts"])})


def with_left_out(answer: Answer) -> Answer:
    """Return an answer that tells what was hidden in what it answers."""
    items = answer.data.get(LEFT_OUT) or ()
    if not items:
        return answer
    told = Quote("\n".join(f"- {item}" for item in items), "Hidden in what you said, and left out")
    return replace(answer, parts=(*answer.parts, told))


def said(text: str, *, task_id: str = "", **data: Any) -> Answer:
    """Return an answer of one sentence."""
    return Answer((Say(text),), task_id=task_id, data=data)


def refused(text: str, *, task_id: str = "", **data: Any) -> Answer:
    """Return an answer that says why a command was not carried out, and what to do; for who asked alone."""
    return Answer((Say(text),), ok=False, task_id=task_id, private=True, data={"error": text, **data})


def _load(values: Mapping[str, Any]) -> Part:
    rest = {name: value for name, value in values.items() if name != "part"}
    if values["part"] == "listing":
        rest = {"head": tuple(rest["head"]), "rows": tuple(tuple(row) for row in rest["rows"])}
    part: Part = _PARTS[values["part"]](**rest)
    return part
