"""How a resource says what it answers: routes with who may call them, and the call that a handler gets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from jobs.testing.github.errors import Refused, invalid, not_found
from jobs.testing.loopback import Answer, Request

if TYPE_CHECKING:
    from jobs.testing.github.records import JSON, Account, App, Installation, Issue, Repository, Token
    from jobs.testing.github.world import World

PAGE = 30
LARGEST_PAGE = 100


@dataclass(slots=True)
class Call:
    """One call of the API, with the caller known and allowed; ``app`` is set whoever of the App calls."""

    request: Request
    world: World
    parameters: dict[str, str]
    body: Any = None
    app: App | None = None
    token: Token | None = None
    user: Account | None = None

    @property
    def caller(self) -> App:
        """The App that calls."""
        if self.app is None:
            raise not_found()
        return self.app

    @property
    def installation(self) -> Installation:
        """The installation whose token was shown."""
        if self.token is None:
            raise not_found()
        return self.token.installation

    @property
    def actor(self) -> Account:
        """The bot user under which the App acts."""
        return self.caller.bot

    @property
    def repository(self) -> Repository:
        """The repository that the path names."""
        try:
            return self.world.repository(f"{self.parameters['owner']}/{self.parameters['repo']}")
        except LookupError:
            raise not_found() from None

    @property
    def issue(self) -> Issue:
        """The issue or pull request that the path names."""
        number = self.number("number")
        issue = self.repository.issues.get(number)
        if issue is None:
            raise not_found()
        return issue

    def number(self, name: str) -> int:
        """Return a number in the path; what is none is not found."""
        text = self.parameters[name]
        if not text.isdigit():
            raise not_found()
        return int(text)

    def given(self, name: str, default: Any = None) -> Any:
        """Return a field of the JSON body."""
        return self.body.get(name, default) if isinstance(self.body, dict) else default

    def rewrite(self, issue: Issue) -> dict[str, Any]:
        """Give an issue or pull request the title and body of the JSON body, and return what they were before."""
        changes: dict[str, Any] = {}
        for name in ("title", "body"):
            new = self.given(name)
            if new is not None and new != getattr(issue, name):
                changes[name] = {"from": getattr(issue, name)}
                setattr(issue, name, str(new))
        return changes

    def required(self, resource: str, name: str) -> str:
        """Return a text field of the JSON body that must be there and not be blank."""
        value = self.given(name)
        if value is None or value == "":
            raise invalid(resource, name, "missing_field")
        if not isinstance(value, str):
            raise Refused(422, f"Invalid request.\n\nFor 'properties/{name}', {json.dumps(value)} is not a string.")
        return value


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One method and path; ``needs`` are permissions of which one is enough.

    ``app`` asks for the App's own JWT, ``user`` for the token of a person, and ``anyone`` for nothing.
    """

    method: str
    pattern: re.Pattern[str]
    handler: Handler
    needs: tuple[tuple[str, str], ...]
    app: bool
    anyone: bool
    user: bool


@dataclass(slots=True)
class Router:
    """The routes of one resource."""

    routes: list[Route] = field(default_factory=list)

    def route(
        self, method: str, path: str, *, needs: str = "", app: bool = False, anyone: bool = False, user: bool = False
    ) -> Callable[[Handler], Handler]:
        """Answer ``method path``: ``{name}`` is a segment, ``{name:path}`` the rest; one of ``needs`` is enough."""
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.sub(r"\\{(\w+):path\\}", r"(?P<\1>.+)", re.escape(path)))
        pairs = tuple((name, level) for name, _, level in (need.partition(":") for need in needs.split("|") if need))

        def keep(handler: Handler) -> Handler:
            self.routes.append(Route(method, re.compile(pattern), handler, pairs, app, anyone, user))
            return handler

        return keep


def reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Answer with JSON."""
    return Answer(
        status, json.dumps(body).encode(), {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    )


def nothing(status: int = 204) -> Answer:
    """Answer without a body."""
    return Answer(status)


def page(call: Call, items: Sequence[Any], render: Callable[[Any], JSON], *, wrap: str = "") -> Answer:
    """Answer with one page of ``items`` and GitHub's Link header; ``wrap`` names the list inside an object."""
    shown, headers = cut(call, items)
    rendered = [render(item) for item in shown]
    return reply({"total_count": len(items), wrap: rendered} if wrap else rendered, headers=headers)


def cut(call: Call, items: Sequence[Any]) -> tuple[Sequence[Any], dict[str, str]]:
    """Return the items of the page that a call asks for, and the Link header that leads to the others."""
    size, number = page_size(call), page_number(call)
    last = max(1, -(-len(items) // size))
    links: dict[str, int] = {}
    if number > 1:
        links |= {"prev": number - 1, "first": 1}
    if number < last:
        links |= {"next": number + 1, "last": last}
    header = ", ".join(f'<{_page_url(call, target)}>; rel="{name}"' for name, target in links.items())
    return items[(number - 1) * size : number * size], {"Link": header} if header else {}


def page_number(call: Call) -> int:
    """Return which page a call asks for, from 1."""
    return max(_whole(call, "page", 1), 1)


def page_size(call: Call) -> int:
    """Return how many items a page of this call has."""
    return min(max(_whole(call, "per_page", PAGE), 1), LARGEST_PAGE)


def _whole(call: Call, name: str, default: int) -> int:
    text = call.request.query.get(name, "")
    return int(text) if text.isdigit() else default


def _page_url(call: Call, number: int) -> str:
    parts = urlsplit(call.request.target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True)) | {"page": str(number)}
    return f"{call.world.url}{parts.path}?{urlencode(query)}"
