"""The bot and its application: who it is, where its gateway is, which commands it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.local_discord import command_rules, shapes
from jobs.testing.local_discord.errors import unknown
from jobs.testing.local_discord.router import Call, Router, nothing, reply

if TYPE_CHECKING:
    from jobs.testing.local_discord.records import JSON, Guild
    from jobs.testing.loopback import Answer

router = Router()

STARTS_A_DAY = 1000


@router.route("GET", "/users/@me")
def me(call: Call) -> Answer:
    """Tell the bot who it is."""
    return reply(shapes.me(call.world.bot))


@router.route("GET", "/users/{user_id}")
def user(call: Call) -> Answer:
    """Tell who somebody is."""
    return reply(shapes.user(call.user))


@router.route("POST", "/users/@me/channels")
def open_direct(call: Call) -> Answer:
    """Open the conversation with one person."""
    recipient = str(call.given("recipient_id") or "")
    user = call.world.users.get(int(recipient)) if recipient.isdecimal() else None
    if user is None:
        raise unknown("User")
    return reply(shapes.channel(call.world.direct(user)))


@router.route("GET", "/applications/@me")
@router.route("GET", "/oauth2/applications/@me")
def application(call: Call) -> Answer:
    """Tell about the application."""
    world = call.world
    owner = next(iter(world.guilds.values())).owner if world.guilds else world.bot
    return reply(
        {
            "id": str(world.application_id),
            "name": "Opus 67",
            "icon": None,
            "description": "",
            "type": None,
            "bot": shapes.user(world.bot),
            "bot_public": False,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "flags": 0,
            "flags_new": "0",
            "redirect_uris": [],
            "interactions_endpoint_url": None,
            "role_connections_verification_url": None,
            "owner": shapes.user(owner),
            "approximate_guild_count": len(world.guilds),
            "approximate_user_install_count": 0,
            "approximate_user_authorization_count": 0,
            "explicit_content_filter": 0,
            "team": None,
            "eligible_oauth2_scopes": ["bot", "applications.commands"],
        }
    )


@router.route("GET", "/gateway", anyone=True)
def gateway(call: Call) -> Answer:
    """Tell where the gateway is."""
    return reply({"url": call.world.url.replace("http", "ws", 1)})


@router.route("GET", "/gateway/bot")
def gateway_of_bot(call: Call) -> Answer:
    """Tell where the gateway is and how often the bot may still begin a session."""
    used = sum(1 for frame in call.world.frames if not frame.sent and frame.op == 2)
    limit = {"total": STARTS_A_DAY, "remaining": STARTS_A_DAY - used, "reset_after": 86_400_000, "max_concurrency": 1}
    return reply({"url": call.world.url.replace("http", "ws", 1), "shards": 1, "session_start_limit": limit})


@router.route("GET", "/applications/{application_id}/commands")
def global_commands(call: Call) -> Answer:
    """List the commands that every guild has."""
    _mine(call)
    return reply(call.world.commands)


@router.route("PUT", "/applications/{application_id}/commands")
def replace_global_commands(call: Call) -> Answer:
    """Replace the commands that every guild has."""
    _mine(call)
    call.world.commands = _registered(call, call.world.commands, None)
    return reply(call.world.commands)


@router.route("GET", "/applications/{application_id}/guilds/{guild_id}/commands")
def guild_commands(call: Call) -> Answer:
    """List the commands of one guild."""
    _mine(call)
    return reply(call.guild.commands)


@router.route("PUT", "/applications/{application_id}/guilds/{guild_id}/commands")
def replace_guild_commands(call: Call) -> Answer:
    """Replace the commands of one guild."""
    _mine(call)
    guild = call.guild
    guild.commands = _registered(call, guild.commands, guild)
    return reply(guild.commands)


@router.route("GET", "/applications/{application_id}/commands/{command_id}")
def global_command(call: Call) -> Answer:
    """Give one command."""
    return reply(_command(call))


@router.route("DELETE", "/applications/{application_id}/commands/{command_id}")
def delete_global_command(call: Call) -> Answer:
    """Take one command away."""
    call.world.commands.remove(_command(call))
    return nothing()


def _command(call: Call) -> JSON:
    _mine(call)
    for command in call.world.commands:
        if command["id"] == call.parameters["command_id"]:
            return command
    raise unknown("Application Command")


def _mine(call: Call) -> None:
    if call.snowflake("application_id") != call.world.application_id:
        raise unknown("Application")


def _registered(call: Call, old: list[JSON], guild: Guild | None) -> list[JSON]:
    """Check the new commands and give them ids; a command of the same name and type keeps its own."""
    world, made = call.world, []
    ids = {(one["type"], one["name"]): one["id"] for one in old}
    for command in command_rules.commands(call.body):
        number = ids.get((command["type"], command["name"])) or str(world.new_id())
        whole = {"id": number, "application_id": str(world.application_id), "version": str(world.new_id()), **command}
        if guild is not None:
            whole["guild_id"] = str(guild.id)
        made.append(whole)
    return made
