"""Holds what was asked of the local GitHub's GraphQL API, and what it answered, to GitHub's own schema."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.needs import requires

if TYPE_CHECKING:
    from graphql import GraphQLSchema

    from jobs.testing.exchanges import Exchange

SCHEMA = Path(__file__).parents[2] / ".cache" / "schemas" / "github-graphql.graphql"


@cache
def schema() -> GraphQLSchema:
    """Return GitHub's schema, loaded once."""
    from graphql import build_schema  # noqa: PLC0415 - slow, and few tests need it

    requires(SCHEMA.is_file(), "GitHub's GraphQL schema", "tests/schemas.sh")
    return build_schema(SCHEMA.read_text(), assume_valid=True)


def differences(exchange: Exchange) -> list[str]:
    """Return what differs from the schema in one operation and its answer."""
    from graphql import GraphQLError, execute_sync, parse, validate  # noqa: PLC0415 - as above

    if exchange.fault or exchange.status != 200 or not isinstance(exchange.body, dict):
        return []
    answer = json.loads(exchange.answer)
    try:
        document = parse(str(exchange.body.get("query")))
    except GraphQLError as error:
        return [] if "data" not in answer else [f"graphql: {error.message}"]
    wrong = validate(schema(), document)
    if wrong or "data" not in answer:
        # What GitHub would refuse is refused here too, and what is not spoken here is said to be so.
        return [] if "data" not in answer else [f"graphql: {error.message}" for error in wrong]
    if answer.get("errors"):
        return []
    done = execute_sync(
        schema(),
        document,
        root_value=answer["data"],
        variable_values=exchange.body.get("variables"),
        field_resolver=_resolve,
        type_resolver=lambda value, *_: value.get("__typename"),
    )
    found = [f"graphql answer: {error.message} at {error.path}" for error in done.errors or ()]
    return found or ([] if done.data == answer["data"] else ["graphql answer: more than was asked for"])


def _resolve(source: dict[str, Any], info: Any, **_: Any) -> Any:
    return source.get(str(info.path.key))
