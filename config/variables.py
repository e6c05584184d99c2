"""The one table of environment variables; the reader, ``.env.example`` and the documentation follow it."""

from __future__ import annotations

from dataclasses import dataclass

HEADER = """\
# The settings of Opus 67.
#
# Copy this file to .env and fill in what you need; `opus67 setup` does it for the GitHub part.
# The process's environment wins over this file. An empty value means "not set".
# A line that starts with # and a name shows the default, or an example where there is no default.
# Keep .env to yourself: chmod 600 .env.
"""


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable: what it means, a valid example, its default, and whether its value is a secret."""

    name: str
    meaning: str
    example: str
    default: str = ""
    secret: bool = False
    section: str = ""
    required: bool = False


_GITHUB = "GitHub"
_CHAT = "Chat (each is off unless its token is set)"
_MODEL = "Model (one key is enough)"
_CI = "CI other than GitHub's Actions (see docs/ci.md)"
_STATE = "Where things are kept"
_WORK = "How it works"
_REMOTE = "The command line, when the service is elsewhere"

VARIABLES: tuple[Variable, ...] = (
    Variable("GITHUB_APP_ID", "The GitHub App's number.", "123456", section=_GITHUB, required=True),
    Variable(
        "GITHUB_PRIVATE_KEY",
        "The GitHub App's private key in PEM form, in double quotes; line breaks may be real ones or written as \\n.",
        '"-----BEGIN RSA PRIVATE KEY-----\\n…\\n-----END RSA PRIVATE KEY-----\\n"',
        secret=True,
        section=_GITHUB,
        required=True,
    ),
    Variable(
        "GITHUB_PRIVATE_KEY_PATH",
        "Instead of GITHUB_PRIVATE_KEY: a file that holds the key.",
        "./opus67.private-key.pem",
        section=_GITHUB,
    ),
    Variable(
        "GITHUB_WEBHOOK_SECRET",
        "The secret that signs GitHub's webhooks. Two, separated by a comma, are both valid: that is how to rotate it.",
        "6f1c0f4e5d2b4a7e9c3d8b1a0e7f6c5d4b3a2918",
        secret=True,
        section=_GITHUB,
        required=True,
    ),
    Variable(
        "GITHUB_CLIENT_ID",
        "The GitHub App's client id; people link their chat account with it, by GitHub's device flow.",
        "Iv23liAbCdEf",
        section=_GITHUB,
    ),
    Variable(
        "GITHUB_CLIENT_SECRET",
        "The GitHub App's client secret; ends the token of a person who linked, at once.",
        "1b2c3d4e5f60718293a4b5c6d7e8f90123456789",
        secret=True,
        section=_GITHUB,
    ),
    Variable(
        "GITHUB_API_URL",
        "GitHub's API. An Enterprise Server has it at https://HOST/api/v3.",
        "https://github.example.com/api/v3",
        "https://api.github.com",
        section=_GITHUB,
    ),
    Variable(
        "GITHUB_SERVER_URL",
        "GitHub itself; clones and pushes go here.",
        "https://github.example.com",
        "https://github.com",
        section=_GITHUB,
    ),
    Variable(
        "ANTHROPIC_API_KEY",
        "The key for Anthropic's models.",
        "sk-ant-api03-…",
        secret=True,
        section=_MODEL,
        required=True,
    ),
    Variable(
        "ANTHROPIC_BASE_URL",
        "Another server that speaks the Messages API, when it is not Anthropic's own.",
        "http://127.0.0.1:8080",
        section=_MODEL,
    ),
    Variable("OPENAI_API_KEY", "The key for an OpenAI-compatible server.", "sk-proj-…", secret=True, section=_MODEL),
    Variable(
        "OPENAI_BASE_URL",
        "An OpenAI-compatible server, such as Ollama or vLLM; most local ones need no key.",
        "http://127.0.0.1:11434/v1",
        section=_MODEL,
    ),
    Variable(
        "OPUS67_MODEL",
        "The model, or several separated by commas: the next one answers when the one before cannot. "
        "`openai:NAME` is one of the OpenAI-compatible server.",
        "claude-opus-5-5,openai:qwen3-coder",
        "claude-opus-5-5",
        section=_MODEL,
    ),
    Variable("SLACK_BOT_TOKEN", "Slack's bot token.", "xoxb-…", secret=True, section=_CHAT),
    Variable(
        "SLACK_SIGNING_SECRET",
        "Verifies what Slack sends to POST /slack/events.",
        "8f742231b10e8888abcd99yyyzzz85a5",
        secret=True,
        section=_CHAT,
    ),
    Variable(
        "SLACK_APP_TOKEN",
        "Slack's app token, for Socket Mode: no public address is needed.",
        "xapp-1-…",
        secret=True,
        section=_CHAT,
    ),
    Variable("SLACK_API_URL", "Slack's API.", "https://slack.com/api/", "https://slack.com/api/", section=_CHAT),
    Variable("DISCORD_TOKEN", "Discord's bot token.", "MTE4…", secret=True, section=_CHAT),
    Variable(
        "DISCORD_API_URL", "Discord's API.", "https://discord.com/api/v10", "https://discord.com/api/v10", section=_CHAT
    ),
    Variable(
        "DISCORD_GATEWAY_URL",
        "Discord's gateway.",
        "wss://gateway.discord.gg",
        "wss://gateway.discord.gg",
        section=_CHAT,
    ),
    Variable(
        "OPUS67_CHANNELS",
        "Channels of Slack and Discord with the repository that is meant there, and what may be done there: "
        "`look` (nothing but looking), `ask` (questions and plans too) or all, if nothing stands behind.",
        "slack:C024BE91L=octo/shop, discord:417719834231439371=octo/site:look",
        section=_CHAT,
    ),
    Variable(
        "OPUS67_OPERATORS",
        "GitHub logins of the people who may pause, resume and scale everything, wherever they say it; "
        "who sits at the machine itself always may.",
        "octocat, hubot",
        section=_CHAT,
    ),
    Variable(
        "OPUS67_CI_SECRETS",
        "What each CI signs its reports to POST /webhooks/ci/NAME with, as NAME=SECRET of at least 16 characters. "
        "Two for one name are both valid: that is how to rotate it.",
        "jenkins=0d9b3fb2c1a64e57f8a0c6d2e4b19773",
        secret=True,
        section=_CI,
    ),
    Variable(
        "OPUS67_CI_HOSTS",
        "Where logs may be fetched from that a report names by their address, HTTPS only: HOST, HOST:PORT or *.SUFFIX. "
        "A host that is named exactly may have a private address.",
        "ci.example.com, *.ci-logs.example.net",
        section=_CI,
    ),
    Variable(
        "REDIS_URL",
        "Redis or Valkey, with `maxmemory-policy noeviction`. An embedded Valkey when not set.",
        "redis://:password@127.0.0.1:6379/0",
        secret=True,
        section=_STATE,
    ),
    Variable(
        "DATABASE_URL",
        "SQLite or PostgreSQL. SQLite under OPUS67_HOME when not set.",
        "postgresql://opus67:password@127.0.0.1/opus67",
        secret=True,
        section=_STATE,
    ),
    Variable(
        "OPUS67_HOME",
        "The folder for the database, mirrors of repositories, sockets and logs.",
        "/var/lib/opus67",
        "./var",
        section=_STATE,
    ),
    Variable(
        "OPUS67_AUDIT_FILE",
        "A file to which the head of the audit is appended every minute in which it moved; best on another machine's "
        "disk. `opus67 audit verify` finds by it what was cut off the end. Without it the log alone tells.",
        "/mnt/elsewhere/opus67-audit.heads",
        section=_STATE,
    ),
    Variable(
        "OPUS67_AUDIT_DAYS",
        "For how many days rows of the audit are kept; for ever when not set.",
        "730",
        section=_STATE,
    ),
    Variable("PORT", "The port of the web process.", "8067", "8067", section=_WORK),
    Variable(
        "OPUS67_PUBLIC_URL",
        "The address by which GitHub and people reach the web process; links and the webhook use it.",
        "https://opus67.example.com",
        section=_WORK,
    ),
    Variable(
        "OPUS67_SANDBOX",
        "docker, podman or bubblewrap. Found out when not set.",
        "docker",
        section=_WORK,
    ),
    Variable(
        "OPUS67_SANDBOX_IMAGE",
        "The image of the sandbox; `opus67 sandbox build` makes the default one.",
        "opus67-sandbox:latest",
        section=_WORK,
    ),
    Variable(
        "OPUS67_MODE",
        "How much the bot may do by itself: conservative, balanced or aggressive. A repository may choose its own.",
        "conservative",
        "balanced",
        section=_WORK,
    ),
    Variable("OPUS67_WORKERS", "How many tasks are worked on at the same time.", "4", "2", section=_WORK),
    Variable(
        "OPUS67_SPARES",
        "How many containers wait with a checkout, for the repositories worked in last: a run with one starts faster. "
        "Each holds its checkout in memory. 0 keeps none; bubblewrap has none.",
        "0",
        "2",
        section=_WORK,
    ),
    Variable(
        "OPUS67_URL",
        "For the command line on another machine: the address of the service that it shall talk to.",
        "https://opus67.example.com",
        section=_REMOTE,
    ),
    Variable(
        "OPUS67_TOKEN",
        "The command line's token for that service; `opus67 token create` makes one there.",
        "opus67_4f9d0c…",
        secret=True,
        section=_REMOTE,
    ),
)


def example_file() -> str:
    """Return the text of ``.env.example``: every variable with its meaning."""
    lines, section = [HEADER.rstrip()], ""
    for variable in VARIABLES:
        if variable.section != section:
            section = variable.section
            lines += ["", "", f"# ---- {section} ----"]
        lines += ["", f"# {variable.meaning}"]
        shown = variable.default or variable.example
        lines.append(f"{variable.name}=" if variable.required else f"#{variable.name}={shown}")
    return "\n".join(lines) + "\n"
