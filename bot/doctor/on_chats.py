"""The checks of Slack, of Discord, and of the channels that are bound to repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.doctor.findings import Check, Finding, bad, good, skipped, warning

if TYPE_CHECKING:
    from bot.doctor.findings import Context

SECONDS = 8.0
AWAY = "away"
LATER = "try again later; the work goes on meanwhile, and what was missed is shown afterwards"
SCOPES = frozenset({"app_mentions:read", "chat:write", "commands"})
"""Without these the bot is deaf or mute in Slack; deploy/slack.yml asks for them and for some more."""


def slack(context: Context) -> list[Finding]:
    """Check that Slack knows the bot's token, its scopes, and a way in."""
    settings = context.settings
    if not settings.slack_bot_token:
        return [skipped("Slack", "SLACK_BOT_TOKEN is not set; nothing is heard there.")]
    url, token = f"{settings.slack_api_url}auth.test", settings.slack_bot_token
    answer, headers = _ask("POST", url, f"Bearer {token}")
    if AWAY in answer:
        return [warning("Slack", answer[AWAY], LATER)]
    if not answer.get("ok"):
        reason = answer.get("error", "no reason given")
        cure = "copy the token anew from OAuth & Permissions in the app's settings, and check SLACK_API_URL"
        return [bad("Slack", f"It refuses SLACK_BOT_TOKEN ({reason}).", cure)]
    found = [good("Slack", f"{answer.get('user', 'the bot')} in {answer.get('team', 'the workspace')}")]
    scopes = {scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",") if scope.strip()}
    missing = ", ".join(sorted(SCOPES - scopes)) if scopes else ""
    if missing:
        found.append(
            bad("Slack", f"The app lacks {missing}.", "take deploy/slack.yml as its manifest, and reinstall it")
        )
    if settings.slack_app_token:
        found.append(_socket(settings.slack_api_url, settings.slack_app_token))
    elif not settings.public_url:
        cure = "set it, or SLACK_APP_TOKEN for Socket Mode"
        found.append(warning("Slack", "OPUS67_PUBLIC_URL is not set, so Slack may not reach /slack/events.", cure))
    return found


def _socket(api_url: str, token: str) -> Finding:
    answer, _ = _ask("POST", f"{api_url}apps.connections.open", f"Bearer {token}")
    if answer.get("ok"):
        return good("Slack", "Socket Mode: no public address is needed")
    cure = "make an app-level token with the scope connections:write, and switch Socket Mode on"
    return bad("Slack", f"It refuses SLACK_APP_TOKEN ({answer.get('error', 'no reason given')}).", cure)


def discord(context: Context) -> list[Finding]:
    """Check that Discord knows the bot's token, and that the bot is on a server."""
    settings = context.settings
    if not settings.discord_token:
        return [skipped("Discord", "DISCORD_TOKEN is not set; nothing is heard there.")]
    credentials = f"Bot {settings.discord_token}"
    answer, _ = _ask("GET", f"{settings.discord_api_url}/users/@me", credentials)
    if AWAY in answer:
        return [warning("Discord", answer[AWAY], LATER)]
    if "id" not in answer:
        cure = "reset the token on the Bot page of Discord's developer portal, and check DISCORD_API_URL"
        return [bad("Discord", f"It refuses DISCORD_TOKEN ({answer.get('message', 'no reason given')}).", cure)]
    return [good("Discord", f"{answer.get('username', 'the bot')} ({answer['id']})")]


def channels(context: Context) -> list[Finding]:
    """Check that the App is installed where channels are bound to."""
    settings = context.settings
    if not settings.channels:
        return []
    found = []
    for repository in dict.fromkeys(channel.repository for channel in settings.channels):
        answer = context.ask(f"/repos/{repository}/installation") if context.configured else None
        if answer is not None and isinstance(answer.body, dict) and "id" in answer.body:
            found.append(good("channels", f"{repository} is bound, and the App is installed there"))
        elif answer is not None:
            cure = "install it there, or correct OPUS67_CHANNELS"
            found.append(warning("channels", f"{repository} is bound, but the App is not installed there.", cure))
    without = {channel.surface for channel in settings.channels} - _surfaces(context)
    found += [
        warning("channels", f"Channels of {name} are bound, but {name} is not set up.", "set its token")
        for name in sorted(without)
    ]
    return found


def _surfaces(context: Context) -> set[str]:
    settings = context.settings
    tokens = {"slack": settings.slack_bot_token, "discord": settings.discord_token}
    return {name for name, token in tokens.items() if token}


def _ask(method: str, url: str, authorization: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Make one call; what is no answer becomes one that says why."""
    import httpx  # noqa: PLC0415 - slow to import

    try:
        answer = httpx.request(method, url, headers={"Authorization": authorization}, timeout=SECONDS)
        body = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        return {AWAY: f"{url} does not answer ({type(error).__name__})."}, {}
    return (body if isinstance(body, dict) else {}), dict(answer.headers)


CHECKS = (Check("Slack", slack), Check("Discord", discord), Check("channels", channels))
