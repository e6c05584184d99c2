"""A fresh pair of eyes: one model, which has seen nothing of the work, reviews the patch against the request."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from jobs.agent.context import cut, readable
from jobs.agent.prompts import described, fill, mark
from jobs.agent.schema import InputProblem, read_input, schema_of
from jobs.agent.transcript import calls_of, reply_message, result, text_of, user_message, words
from jobs.types import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.types import Check, Message, Model

DIFF_LIMIT = 200_000
REQUEST_LIMIT = 60_000
REMARKS_LIMIT = 6_000
TRIES = 2
AGAIN = "Report your verdict with the tool `report_review`: `approve` or `revise`, and the remarks."


@dataclass(frozen=True, slots=True)
class Review:
    """What the reviewer said; ``unclear``, where no verdict could be read, neither approves nor asks for anything."""

    verdict: Literal["approve", "revise", "unclear"]
    remarks: str
    usage: Usage
    cost: float
    model: str


def report_review(
    context: None,  # noqa: ARG001 - all tools have one shape
    verdict: Annotated[Literal["approve", "revise"], "approve, or revise for what is wrong or missing."],
    remarks: Annotated[str, "What people and the author should know; may be empty."] = "",
) -> str:
    """Report the review. Call it once."""
    return f"{verdict}: {remarks}"


def review(model: Model, *, request_text: str, diff: str, evidence: Sequence[Check]) -> Review:
    """Have the patch reviewed once; raises ``ModelError`` when no answer can be had.

    A tool call cannot be forced (Opus 5.5 answers 400 to that), so a reply in plain words is read too, and one without
    a verdict is asked for once more.
    """
    schema = schema_of(report_review)
    messages: list[Message] = [_request(request_text, diff, evidence)]
    usage, cost, said = Usage(), 0.0, ""
    for _ in range(TRIES):
        reply = model.query(fill("review"), messages, [schema])
        usage, cost = usage + reply.usage, cost + reply.cost
        message = reply_message(reply)
        verdict, remarks = _verdict(message, schema)
        said = remarks or said
        if verdict is not None:
            return Review(verdict, remarks, usage, cost, reply.model)
        again = [result(call, AGAIN, failed=True) for call in calls_of(message)] or [words(AGAIN)]
        messages += [message, user_message(again)]
    return Review("unclear", said, usage, cost, reply.model)


def _request(request_text: str, diff: str, evidence: Sequence[Check]) -> Message:
    parts = {
        "request": cut(readable(request_text), REQUEST_LIMIT).strip(),
        "diff": cut(readable(diff), DIFF_LIMIT).strip() or "(no change)",
        "evidence": described(evidence),
    }
    return user_message([words(fill("review_request", mark=mark(*parts.values()), **parts))])


def _verdict(message: Message, schema: Any) -> tuple[Literal["approve", "revise"] | None, str]:
    """Read the verdict from the tool call, from JSON in the text, or from the text's first word."""
    for call in calls_of(message):
        try:
            given = read_input(schema, call["input"]) if call["name"] == schema.name else {}
        except InputProblem:
            continue
        if given:
            return given["verdict"], _cut(given.get("remarks", ""))
    text = text_of(message)
    try:
        given = read_input(schema, json.loads(text[text.find("{") : text.rfind("}") + 1]))
        return given["verdict"], _cut(given.get("remarks", ""))
    except (InputProblem, ValueError, RecursionError):
        pass  # Words, then.
    match = re.match(r"\W*(?:verdict\W+)?(approve|revise)d?\b\W*", text, re.IGNORECASE)
    if match is None:
        return None, _cut(text)
    return ("approve" if match[1].lower() == "approve" else "revise"), _cut(text[match.end() :])


def _cut(text: str) -> str:
    return cut(readable(text), REMARKS_LIMIT).strip()
