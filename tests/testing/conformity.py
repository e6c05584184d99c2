"""Holds what passed between our client and the local GitHub to GitHub's own OpenAPI descriptions, both ways."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from werkzeug.datastructures import ImmutableMultiDict

from tests.needs import requires
from tests.testing import graphql_conformity

if TYPE_CHECKING:
    from openapi_core import OpenAPI
    from openapi_core.datatypes import RequestParameters

    from jobs.testing.exchanges import Exchange
    from jobs.testing.github import LocalGitHub
    from jobs.testing.github.webhooks import Delivery

SCHEMAS = Path(__file__).parents[2] / ".cache" / "schemas"
HOST = "https://api.github.com"
# Git's own requests, GraphQL, the storage of logs and the pages for people are not in the description.
NOT_API = re.compile(
    r"/graphql|/_storage/.*|/[^/]+/[^/]+\.git/|(/organizations/[^/]+)?/settings/apps/new|/apps/[^/]+/installations/new"
)
# Media types that are asked for by name, which the description leaves out.
OTHER_MEDIA = {"application/vnd.github.raw+json", "application/vnd.github.diff"}
# Parameters that hold slashes, which the description writes as one segment.
LONG = re.compile(
    r"(?P<start>/repos/[^/]+/[^/]+/(?:contents/|branches/|rules/branches/|compare/|git/(?:ref|refs|matching-refs)/"
    r"|issues/\d+/labels/|commits/))(?P<rest>.+?)(?P<end>/(?:check-runs|check-suites|pulls|statuses|status))?"
)

# What an outdated comment on lines, or one on a whole file, has not.
OUTDATED = ("line", "original_line", "position")


class NotAsDescribed(AssertionError):
    """What was said is not what GitHub's description allows; the message lists every difference."""


def read(name: str) -> Any:
    """Return one of GitHub's files; skips the test where ``tests/schemas.sh`` has not run."""
    file = SCHEMAS / name
    requires(file.is_file(), f"GitHub's description ({name})", "tests/schemas.sh")
    return json.loads(file.read_text())


@cache
def description(name: str = "github-api.json") -> OpenAPI:
    """Return a description of GitHub's, loaded once."""
    from openapi_core import Config, OpenAPI  # noqa: PLC0415 - slow, and few tests need it

    return OpenAPI.from_dict(_mended(read(name)), config=Config(spec_validator_cls=None))


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


def _mended(schema: Any) -> Any:
    """Mend five flaws of the description that GitHub's own answers contradict.

    It marks enums and alternatives as nullable without letting them be null, says "one of" of alternatives that
    overlap, tells a folder's list from a file by a property, and has an account be a person and an enterprise at once. It also
    gives outdated comments a line, which its description of webhooks knows to be null.
    """
    if isinstance(schema, list):
        return [_mended(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: value for key, value in schema.items() if key != "discriminator"}
    if _titles(schema.get("allOf")) == {"Simple User", "Enterprise"}:
        schema["anyOf"] = schema.pop("allOf")
    if schema.get("title") == "Pull Request Review Comment":
        nullable = {name: {**schema["properties"][name], "nullable": True} for name in OUTDATED}
        schema["properties"] = {**schema["properties"], **nullable}
    mended = {("anyOf" if key == "oneOf" else key): _mended(value) for key, value in schema.items()}
    if mended.get("nullable") is True and "type" not in mended:
        null = {"type": "string", "nullable": True, "enum": [None]}
        mended = {"anyOf": [mended, null]}
    elif mended.get("nullable") is True and "enum" in mended:
        mended["enum"] = [*mended["enum"], None]
    return mended


def _titles(schemas: Any) -> set[str]:
    return {one.get("title", "") for one in schemas if isinstance(one, dict)} if isinstance(schemas, list) else set()


def check(github: LocalGitHub) -> None:
    """Hold all that a local GitHub was asked, answered and sent to the descriptions: for the end of a journey."""
    found = [text for one in github.requests if not NOT_API.match(one.path) for text in differences(one)]
    found += [text for one in github.deliveries for text in payload_differences(one)]
    raise_for(found + _graphql_differences(github))


def check_exchanges(github: LocalGitHub) -> int:
    """Hold every recorded request and answer to the description and return how many there were."""
    exchanges = [one for one in github.requests if not NOT_API.match(one.path)]
    found = [difference for one in exchanges for difference in differences(one)]
    raise_for(found + _graphql_differences(github))
    return len(exchanges)


def check_deliveries(github: LocalGitHub) -> int:
    """Hold every webhook's payload to the description and return how many there were."""
    deliveries = github.deliveries
    raise_for([difference for one in deliveries for difference in payload_differences(one)])
    return len(deliveries)


def _graphql_differences(github: LocalGitHub) -> list[str]:
    asked = [one for one in github.requests if one.path == "/graphql"]
    return [text for one in asked for text in graphql_conformity.differences(one)]


def raise_for(found: list[str]) -> None:
    """Raise ``NotAsDescribed`` with what was found, each difference once."""
    if found:
        raise NotAsDescribed("not as GitHub describes it:\n" + "\n".join(dict.fromkeys(found)))


def differences(exchange: Exchange) -> list[str]:
    """Return what differs from the description in one request and its answer."""
    if exchange.fault:
        return []
    request = _request(exchange)
    where = f"{exchange.method} {exchange.path} -> {exchange.status}"
    found: list[str] = []
    if exchange.status < 400:
        errors = description().iter_request_errors(request)
        found += [f"{where}: request: {text}" for error in errors for text in _texts(error)]
    answer = json.loads(exchange.answer) if _is_json(exchange) else None
    if exchange.status >= 400:
        return found + _error_differences(where, answer)
    if exchange.status == 304:
        return found
    content_type = exchange.answer_headers.get("Content-Type", "application/json").partition(";")[0]
    if content_type in OTHER_MEDIA:
        return found
    response = _Response(exchange.status, exchange.answer, content_type, exchange.answer_headers)
    errors = description().iter_response_errors(request, response)
    return found + [f"{where}: answer: {text}" for error in errors for text in _texts(error)]


def payload_differences(delivery: Delivery) -> list[str]:
    """Return what differs from the description in one webhook's payload."""
    import jsonschema  # noqa: PLC0415 - slow, and few tests need it

    document = _webhooks()
    name = "-".join(part for part in (delivery.event, delivery.action) if part).replace("_", "-")
    entry = document["webhooks"].get(name)
    if entry is None:
        return [f"webhook {name}: GitHub sends no such thing"]
    schema = entry["post"]["requestBody"]["content"]["application/json"]["schema"]
    validator = jsonschema.Draft202012Validator({**schema, "components": document["components"]})
    return [f"webhook {name}: {_place(error)}" for error in validator.iter_errors(delivery.payload)]


@cache
def _webhooks() -> Any:
    return read("github-webhooks.json")


def _request(exchange: Exchange) -> _Request:
    path = exchange.path
    if match := LONG.fullmatch(path):
        path = match["start"] + match["rest"].replace("/", "%2F") + (match["end"] or "")
    query = dict(parse_qsl(exchange.target.partition("?")[2], keep_blank_values=True))
    content_type = exchange.headers.get("content-type", "application/json").partition(";")[0]
    from openapi_core import datatypes  # noqa: PLC0415 - slow, and few tests need it

    parameters = datatypes.RequestParameters(query=ImmutableMultiDict(query))
    return _Request(path, exchange.method.lower(), exchange.raw_body or None, content_type, parameters)


def _is_json(exchange: Exchange) -> bool:
    return bool(exchange.answer) and "json" in exchange.answer_headers.get("Content-Type", "")


def _error_differences(where: str, answer: Any) -> list[str]:
    """GitHub's description leaves most errors out; they all have one shape."""
    if isinstance(answer, dict) and {"message", "documentation_url", "status"} <= answer.keys():
        return []
    return [f"{where}: an error without message, documentation_url and status"]


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
