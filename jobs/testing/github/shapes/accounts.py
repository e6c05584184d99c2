"""Shapes of people, Apps and installations."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from jobs.testing.github.records import JSON, Account, App, Installation
    from jobs.testing.github.world import World

USER_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}


def user(world: World, account: Account) -> JSON:
    """Return the short form of an account, as it stands inside everything."""
    url = f"{world.url}/users/{quote(account.login)}"
    page = f"apps/{account.login.removesuffix('[bot]')}" if account.type == "Bot" else account.login
    return {
        "login": account.login,
        "id": account.id,
        "node_id": f"U_{account.id}",
        "avatar_url": f"{world.url}/avatars/u/{account.id}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{world.url}/{page}",
        **{name: url + ending for name, ending in USER_LINKS.items()},
        "type": account.type,
        "user_view_type": "public",
        "site_admin": False,
    }


def public_user(world: World, account: Account) -> JSON:
    """Return the long form of an account, as ``GET /users/{login}`` gives it."""
    return user(world, account) | {
        "name": account.name or None,
        "company": None,
        "blog": "",
        "location": None,
        "email": None,
        "hireable": None,
        "bio": None,
        "twitter_username": None,
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": "2020-01-01T00:00:00Z",
        "updated_at": "2020-01-01T00:00:00Z",
    }


def app(world: World, record: App) -> JSON:
    """Return an App as everybody may see it."""
    return {
        "id": record.id,
        "client_id": record.client_id,
        "slug": record.slug,
        "node_id": f"A_{record.id}",
        "owner": user(world, record.owner),
        "name": record.name,
        "description": record.description,
        "external_url": record.external_url or world.url,
        "html_url": f"{world.url}/apps/{record.slug}",
        "created_at": record.created_at,
        "updated_at": record.created_at,
        "permissions": dict(record.permissions),
        "events": list(record.events),
    }


def installation(world: World, record: Installation) -> JSON:
    """Return an installation."""
    url = f"{world.url}/app/installations/{record.id}"
    place = f"organizations/{record.account.login}/" if record.account.type == "Organization" else ""
    return {
        "id": record.id,
        "account": user(world, record.account),
        "client_id": record.app.client_id,
        "repository_selection": record.repository_selection,
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{world.url}/installation/repositories",
        "html_url": f"{world.url}/{place}settings/installations/{record.id}",
        "app_id": record.app.id,
        "app_slug": record.app.slug,
        "target_id": record.account.id,
        "target_type": record.account.type,
        "permissions": dict(record.permissions),
        "events": list(record.app.events),
        "created_at": record.created_at,
        "updated_at": record.created_at,
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": user(world, record.suspended_by) if record.suspended_by else None,
        "suspended_at": record.suspended_at or None,
    }
