"""What Discord takes as a message, and what it refuses: lengths, counts, embeds and mentions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jobs.testing.local_discord.component_rules import components_of
from jobs.testing.local_discord.errors import Form, Refused
from jobs.testing.local_discord.records import COMPONENTS_V2, EPHEMERAL, JSON

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONTENT, EMBEDS, EMBED_TOTAL = 2000, 10, 6000
TITLE, DESCRIPTION, FIELDS, FIELD_NAME, FIELD_VALUE, FOOTER, AUTHOR = 256, 4096, 25, 256, 1024, 2048, 256
WHITE = 0xFFFFFF
NONCE, MENTIONED, FILES, FILE_SIZE = 25, 100, 10, 10 * 1024 * 1024
SETTABLE = 1 << 2 | EPHEMERAL | 1 << 12 | COMPONENTS_V2
"""The flags that a sender may set: suppressed embeds, ephemeral, silent, components V2."""


@dataclass(slots=True)
class Upload:
    """A file that came with a message."""

    filename: str
    data: bytes


@dataclass(slots=True)
class Draft:
    """A message's body, checked; what is None was not given."""

    content: str | None = None
    embeds: list[JSON] | None = None
    components: list[JSON] | None = None
    allowed_mentions: JSON | None = None
    flags: int = 0
    nonce: str | int | None = None
    enforce_nonce: bool = False
    reply_to: int = 0
    uploads: list[Upload] = field(default_factory=list)
    kept: list[int] | None = None
    given: frozenset[str] = frozenset()

    @property
    def ephemeral(self) -> bool:
        """Whether it is for one person only."""
        return bool(self.flags & EPHEMERAL)


def draft(
    body: Any, uploads: Mapping[str, Upload] | None = None, *, at: Sequence[str] = (), partial: bool = False
) -> Draft:
    """Check a message's body and return it; ``at`` is where it stands in the request, ``partial`` is for edits.

    Raises ``Refused`` with every fault that Discord would name.
    """
    body = body if isinstance(body, dict) else {}
    form = Form()
    made = Draft(given=frozenset(body))
    flags = body.get("flags") or 0
    made.flags = flags & SETTABLE if isinstance(flags, int) else 0
    v2 = bool(made.flags & COMPONENTS_V2)
    if "content" in body:
        made.content = form.text([*at, "content"], body["content"], CONTENT).strip()
    if "embeds" in body:
        made.embeds = _embeds(form, [*at, "embeds"], body["embeds"])
    if "components" in body:
        made.components = components_of(form, [*at, "components"], body["components"], v2=v2)
    if v2 and (made.content or made.embeds):
        for name in ("content", "embeds"):
            if body.get(name):
                words = "The 'content' and 'embeds' fields cannot be used when using MessageFlags.IS_COMPONENTS_V2"
                form.wrong([*at, name], "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", words)
    made.allowed_mentions = _allowed_mentions(form, [*at, "allowed_mentions"], body.get("allowed_mentions"))
    _nonce(form, made, body, at)
    _files(form, made, body, uploads or {}, at)
    form.finish()
    if not partial and not (made.content or made.embeds or made.components or made.uploads):
        raise Refused(400, 50006, "Cannot send an empty message")
    return made


def _embeds(form: Form, path: list[str | int], value: Any) -> list[JSON]:
    found, total = [], 0
    for index, one in enumerate(form.items(path, value, EMBEDS)):
        place = [*path, index]
        if not isinstance(one, dict):
            form.wrong(place, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
            continue
        embed, length = _embed(form, place, one)
        found.append(embed)
        total += length
    if total > EMBED_TOTAL:
        words = f"Embed size exceeds maximum size of {EMBED_TOTAL}"
        form.wrong([*path, max(len(found) - 1, 0)], "MAX_EMBED_SIZE_EXCEEDED", words)
    return found


def _embed(form: Form, path: list[str | int], one: JSON) -> tuple[JSON, int]:
    """Return an embed as it is kept, and how much text it has of what is counted."""
    embed: JSON = {"type": "rich"}
    for name, most in (("title", TITLE), ("description", DESCRIPTION)):
        if one.get(name):
            embed[name] = form.text([*path, name], one[name], most).strip()
    _parts(form, path, one, embed)
    embed |= {name: one[name] for name in ("url", "color", "timestamp") if one.get(name) is not None}
    if "url" in embed:
        _url(form, [*path, "url"], embed["url"])
    color = embed.get("color", 0)
    if isinstance(color, bool) or not isinstance(color, int) or not 0 <= color <= WHITE:
        form.wrong([*path, "color"], "NUMBER_TYPE_MAX", f"int value should be less than or equal to {WHITE}.")
    fields = _fields(form, [*path, "fields"], one.get("fields"))
    if not fields and not set(embed) - {"type", "color", "timestamp", "url"}:
        form.missing([*path, "description"])
    embed["fields"] = fields
    texts = [embed.get("title", ""), embed.get("description", ""), embed.get("footer", {}).get("text", "")]
    texts += [embed.get("author", {}).get("name", "")]
    texts += [part for inner in fields for part in (inner["name"], inner["value"])]
    return embed, sum(len(str(text)) for text in texts)


def _parts(form: Form, path: list[str | int], one: JSON, embed: JSON) -> None:
    for name, key, most in (("footer", "text", FOOTER), ("author", "name", AUTHOR)):
        part = one.get(name)
        if isinstance(part, dict):
            form.text([*path, name, key], part.get(key), most, 1)
            embed[name] = {inner: value for inner, value in part.items() if value is not None}
    for name in ("image", "thumbnail"):
        if isinstance(one.get(name), dict):
            _url(form, [*path, name, "url"], one[name].get("url"))
            embed[name] = {"url": one[name].get("url")}


def _fields(form: Form, path: list[str | int], value: Any) -> list[JSON]:
    found = []
    for index, one in enumerate(form.items(path, value, FIELDS)):
        inner = one if isinstance(one, dict) else {}
        name = form.text([*path, index, "name"], inner.get("name"), FIELD_NAME, 1)
        text = form.text([*path, index, "value"], inner.get("value"), FIELD_VALUE, 1)
        found.append({"name": name, "value": text, "inline": bool(inner.get("inline"))})
    return found


def _url(form: Form, path: list[str | int], value: Any) -> None:
    scheme = urlsplit(value).scheme if isinstance(value, str) else ""
    if scheme not in {"http", "https", "attachment"}:
        words = f"Scheme \"{scheme}\" is not supported. Scheme must be one of ('http', 'https')."
        form.wrong(path, "URL_TYPE_INVALID_SCHEME", words)


def _allowed_mentions(form: Form, path: list[str | int], value: Any) -> JSON | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        form.wrong(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
        return None
    parse = form.items([*path, "parse"], value.get("parse"), 3)
    for index, one in enumerate(parse):
        form.one_of([*path, "parse", index], one, ("users", "roles", "everyone"))
    for name in ("users", "roles"):
        listed = form.items([*path, name], value.get(name), MENTIONED)
        if listed and name in parse:
            words = f'parse:["{name}"] and {name}: [ids...] are mutually exclusive.'
            form.wrong(path, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", words)
    return value


def _nonce(form: Form, made: Draft, body: JSON, at: Sequence[str]) -> None:
    nonce = body.get("nonce")
    if isinstance(nonce, str):
        form.text([*at, "nonce"], nonce, NONCE)
    made.nonce = nonce
    made.enforce_nonce = bool(body.get("enforce_nonce"))
    reference = body.get("message_reference")
    if isinstance(reference, dict) and str(reference.get("message_id", "")).isdigit():
        made.reply_to = int(reference["message_id"])


def _files(form: Form, made: Draft, body: JSON, uploads: Mapping[str, Upload], at: Sequence[str]) -> None:
    """Match ``files[n]`` with the entries of ``attachments``; an entry with another id is a file that is kept."""
    made.uploads = list(uploads.values())
    if len(made.uploads) > FILES:
        form.wrong([*at, "attachments"], "BASE_TYPE_MAX_LENGTH", f"Must be {FILES} or fewer in length.")
    if any(len(one.data) > FILE_SIZE for one in made.uploads):
        raise Refused(400, 40005, "Request entity too large")
    if body.get("attachments") is None:
        return
    made.kept = []
    for index, one in enumerate(form.items([*at, "attachments"], body["attachments"], FILES)):
        number = str(one.get("id", "")) if isinstance(one, dict) else ""
        if f"files[{number}]" in uploads:
            continue
        if number.isdigit() and int(number) > FILES:
            made.kept.append(int(number))
        else:
            form.wrong([*at, "attachments", index, "id"], "ATTACHMENT_NOT_FOUND", "Attachment data not found")
