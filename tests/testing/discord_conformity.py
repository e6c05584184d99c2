"""Holds what passed between a bot and the local Discord to Discord's own OpenAPI description, both ways."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.datastructures import ImmutableMultiDict

from jobs.testing.local_discord.router import BASE

if TYPE_CHECKING:
    from openapi_core import OpenAPI
    from openapi_core.datatypes import RequestParameters

    from jobs.testing.exchanges import Exchange
    from jobs.testing.local_discord import LocalDiscord

FILE = Path(__file__).parents[3] / "shared" / "data" / "discord-openapi.json"
HOST = "https://discord.com"

# Where discord.py writes an id as a number, which the description wants to be a text. Discord takes a snowflake as
# either, by its own documentation of ids, and answers such requests of every bot on that library.
IDS_AS_NUMBERS = re.compile(
    r".*: request: (data/|data: \w+: )?"
    r"(allowed_mentions|attachments|message_reference|recipient_id)\b.*: type: \d+ is not of type '(string|null)' .*"
)


class NotAsDescribed(AssertionError):
    """What was said is not what Discord's description allows; the message lists every difference."""


@cache
def description() -> OpenAPI:
    """Return Discord's description, loaded once; skips the test where the file is not there."""
    if not FILE.is_file():
        # The file is no part of the project, so that its absence is no fault anywhere, also in CI.
        pytest.skip(f"needs Discord's description, {FILE.name}")
    from openapi_core import Config, OpenAPI  # noqa: PLC0415 - slow, and few tests need it

    return OpenAPI.from_dict(json.loads(FILE.read_text()), config=Config(spec_validator_cls=None))


@dataclass
class _Request:
    path: str
    method: str
    body: bytes | None
    content_type: str
    parameters: RequestParameters
    host_url: str = HOST


@dataclass
class _Response:
    status_code: int
    data: bytes
    content_type: str
    headers: dict[str, str]


def check(local: LocalDiscord) -> int:
    """Hold every recorded request and answer to the description, and return how many there were."""
    description()
    exchanges = [one for one in local.requests if not one.fault]
    found = [text for one in exchanges for text in differences(one)]
    if found:
        raise NotAsDescribed("not as Discord describes it:\n" + "\n".join(dict.fromkeys(found)))
    return len(exchanges)


def differences(exchange: Exchange) -> list[str]:
    """Return what differs from the description in one request and its answer."""
    where = f"{exchange.method} {exchange.path} -> {exchange.status}"
    request = _request(exchange)
    found: list[str] = []
    if exchange.status < 400:
        errors = description().iter_request_errors(request)
        found += [f"{where}: request: {text}" for error in errors for text in _texts(error)]
    if exchange.answer:
        content_type = exchange.answer_headers.get("Content-Type", "")
        if exchange.path.startswith(BASE):
            response = _Response(exchange.status, exchange.answer, content_type, exchange.answer_headers)
            errors = description().iter_response_errors(request, response)
            found += [f"{where}: answer: {text}" for error in errors for text in _texts(error)]
    return [text for text in found if not IDS_AS_NUMBERS.fullmatch(text)]


def _request(exchange: Exchange) -> _Request:
    from openapi_core import datatypes  # noqa: PLC0415 - slow, and few tests need it

    content_type = exchange.headers.get("content-type", "application/json").partition(";")[0]
    body = exchange.raw_body or None
    if content_type == "multipart/form-data":
        # What is checked is the JSON part; files have no form of their own.
        content_type, body = "application/json", json.dumps(exchange.body).encode()
    query = {name: _flag(name, value) for name, value in exchange.query.items()}
    header = {"Authorization": exchange.headers.get("authorization", "")}
    parameters = datatypes.RequestParameters(query=ImmutableMultiDict(query), header=header)
    return _Request(exchange.path, exchange.method.lower(), body, content_type, parameters)


def _flag(name: str, value: str) -> str:
    """Write a yes or no as the description does; clients write 1 and 0, which Discord takes as well."""
    return (
        {"1": "true", "0": "false"}.get(value, value) if name in {"wait", "with_response", "with_components"} else value
    )


def _texts(error: BaseException) -> list[str]:
    cause: BaseException | None = error
    while cause is not None:
        schema_errors = getattr(cause, "schema_errors", None)
        if schema_errors:
            return [_place(one) for one in schema_errors]
        cause = cause.__cause__
    return [str(error) or type(error).__name__]


def _place(error: Any) -> str:
    """Say where and what, by the innermost errors of alternatives that came closest."""
    place = "/".join(str(part) for part in error.absolute_path)
    if error.context:
        best = min(error.context, key=lambda one: (-len(one.absolute_path), one.validator != "required"))
        return f"{place}: {error.validator}: {_place(best)}"
    return f"{place}: {error.validator}: {error.message[:100]} … {error.message[-200:]}"
