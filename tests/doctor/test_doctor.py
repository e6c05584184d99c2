"""The doctor: what it says of each thing that can be wrong, and its exit code."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from bot.doctor import examine, on_chats, on_github, on_machine
from bot.doctor.findings import Check, Context, Finding, State
from bot.setup.manifest import EVENTS, PERMISSIONS
from config.settings import Channel, Settings, load
from jobs.breaker import FAILURES, Breaker
from jobs.store import Store
from jobs.store.migrations import migrate
from jobs.testing.github import LocalGitHub
from jobs.testing.local_discord import LocalDiscord
from jobs.testing.models import ChatCompletionsAPI, MessagesAPI, Script
from jobs.testing.slack import LocalSlack
from jobs.types import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PUBLIC = "https://opus67.example.com"


@pytest.fixture
def github(home: Path) -> Iterator[LocalGitHub]:
    """Yield a local GitHub whose App is as set-up makes it."""
    server = LocalGitHub(
        home / "github", permissions=PERMISSIONS, events=EVENTS, webhook_url=f"{PUBLIC}/webhooks/github"
    )
    with server:
        yield server


@pytest.fixture
def settings(home: Path, github: LocalGitHub) -> Settings:
    """Return complete settings."""
    environ = {
        "GITHUB_APP_ID": str(github.app_id),
        "GITHUB_PRIVATE_KEY": github.private_key_pem,
        "GITHUB_WEBHOOK_SECRET": github.webhook_secret,
        "GITHUB_API_URL": github.api_url,
        "GITHUB_SERVER_URL": github.server_url,
        "ANTHROPIC_API_KEY": "sk-ant-x",
        "OPUS67_HOME": str(home / "var"),
        "OPUS67_PUBLIC_URL": PUBLIC,
    }
    return load(environ, dotenv=None)


def check(name: str, settings: Settings, **changes: object) -> list[Finding]:
    """Make one check with changed settings."""
    checks = (*on_machine.CHECKS_BEFORE, *on_github.CHECKS, *on_chats.CHECKS, *on_machine.CHECKS)
    chosen = [each for each in checks if each.name == name]
    return list(examine(chosen, Context(dataclasses.replace(settings, **changes))))  # type: ignore[arg-type]


def states(findings: list[Finding]) -> list[State]:
    """Return how findings are."""
    return [finding.state for finding in findings]


@pytest.mark.parametrize("name", ["settings", "key", "GitHub App", "permissions", "webhook", "clock", "git", "disk"])
def test_what_is_in_order_is_said_in_one_line(settings: Settings, name: str) -> None:
    """A check that finds nothing wrong is good, and says what it saw."""
    findings = check(name, settings)
    assert set(states(findings)) == {State.GOOD}
    assert all("\n" not in str(finding) and finding.message for finding in findings)


def test_every_missing_setting_is_a_line() -> None:
    """Nothing is set: each needed variable is told with an example, and what depends on it is left out."""
    empty = load({}, dotenv=None)
    told = check("settings", empty)
    assert len(told) == 4
    assert all("for example" in finding.cure for finding in told)
    assert states(check("GitHub App", empty)) == [State.SKIPPED]
    assert states(check("key", empty)) == [State.SKIPPED]


def test_a_damaged_key_is_told(settings: Settings) -> None:
    """A PEM that does not parse is bad, and no part of it is shown."""
    pem = "-----BEGIN RSA PRIVATE KEY-----\nTUlJQ0FB\n-----END RSA PRIVATE KEY-----\n"
    [finding] = check("key", settings, github_private_key=pem)
    assert finding.state is State.BAD
    assert "TUlJ" not in str(finding)


def test_a_key_of_another_app_is_told(settings: Settings) -> None:
    """GitHub refuses it; the checks that need the App are left out."""
    [finding] = check("GitHub App", settings, github_app_id=68)
    assert finding.state is State.BAD
    assert "GITHUB_APP_ID" in finding.cure
    assert states(check("permissions", settings, github_app_id=68)) == [State.SKIPPED]


def test_a_github_that_does_not_answer_is_told(settings: Settings) -> None:
    """Every check on GitHub's side is bad in words, none is a traceback."""
    for each in on_github.CHECKS[1:]:
        [finding] = check(each.name, settings, github_api_url="http://127.0.0.1:1")
        assert finding.state is State.BAD
        assert "did not answer" in finding.message


def test_missing_and_forbidden_permissions_are_told(home: Path, settings: Settings) -> None:
    """Each missing permission and event is named; workflows must go."""
    given = {**PERMISSIONS, "contents": "read", "workflows": "write"}
    with LocalGitHub(home / "other", permissions=given, events=("issues",)) as other:
        changes = {"github_api_url": other.api_url, "github_private_key": other.private_key_pem}
        told = " ".join(str(finding) for finding in check("permissions", settings, **changes))
    assert "contents: write" in told
    assert "must not have" in told
    assert "check_run, check_suite, issue_comment" in told


def test_an_app_that_is_installed_nowhere_gets_the_link(settings: Settings, github: LocalGitHub) -> None:
    """No installation is a warning with the link; one that was suspended is a warning, one in order is good."""
    assert "/installations/new" in check("installations", settings)[0].cure
    github.create_repository("octo/slugs", {"a.txt": "a"})
    assert states(check("installations", settings)) == [State.GOOD]
    github.suspend()
    [finding] = check("installations", settings)
    assert (finding.state, "suspended" in finding.message) == (State.WARNING, True)


def test_a_webhook_that_goes_elsewhere_is_told(settings: Settings) -> None:
    """The address is compared with ours; without one of ours it is a warning."""
    [finding] = check("webhook", settings, public_url="https://moved.example.com")
    assert finding.state is State.BAD
    assert "https://moved.example.com/webhooks/github" in finding.cure
    assert states(check("webhook", settings, public_url="")) == [State.WARNING]


@pytest.mark.parametrize(
    ("skew", "state"), [(5, State.GOOD), (-30, State.WARNING), (30, State.WARNING), (90, State.BAD)]
)
def test_a_wrong_clock_is_told(settings: Settings, skew: float, state: State) -> None:
    """Beyond a minute GitHub refuses our tokens."""
    import time  # noqa: PLC0415 - the one test that needs the real clock

    context = Context(settings, now=lambda: time.time() + skew)
    [finding] = examine([each for each in on_github.CHECKS if each.name == "clock"], context)
    assert finding.state is state


def test_models_are_asked_without_cost(settings: Settings) -> None:
    """A key that works is good, a wrong key bad, an unknown model a warning, and nothing is generated."""
    with MessagesAPI(Script([])) as api:
        right = {"anthropic_base_url": api.url, "anthropic_api_key": api.api_key, "model": api.models[0]}
        assert states(check("model", settings, **right)) == [State.GOOD]
        assert states(check("model", settings, **{**right, "anthropic_api_key": "wrong"})) == [State.BAD]
        assert states(check("model", settings, **{**right, "model": "claude-nobody"})) == [State.WARNING]
        assert not any(request.path == "/v1/messages" for request in api.requests)


def test_a_compatible_server_is_asked_for_its_list(settings: Settings) -> None:
    """What it lists is good; a fallback that does not work is a warning beside one that does."""
    with ChatCompletionsAPI(Script([])) as api:
        name = f"openai:{api.models[0]}"
        changes = {"openai_base_url": api.base_url, "openai_api_key": api.api_key}
        assert states(check("model", settings, model=name, **changes)) == [State.GOOD]
        assert states(check("model", settings, model="openai:other", **changes)) == [State.WARNING]
        both = check("model", settings, model=f"{name},claude-opus-5-5", anthropic_api_key="", **changes)
        assert states(both) == [State.GOOD, State.WARNING]


def test_a_key_that_is_no_key_is_told_in_words(settings: Settings) -> None:
    """A key with an ellipsis, copied from an example, is an error for people."""
    [finding] = check("model", settings, anthropic_api_key="sk-ant-…", anthropic_base_url="http://127.0.0.1:1")
    assert "no key has" in finding.message


def test_a_redis_that_forgets_is_refused(settings: Settings, empty_valkey_url: str) -> None:
    """Set as production is, it is good; with another policy bad; without the append-only file a warning."""
    assert states(check("Redis", settings)) == [State.GOOD]
    assert states(check("Redis", settings, redis_url=empty_valkey_url)) == [State.GOOD]
    with Redis.from_url(empty_valkey_url) as connection:
        try:
            connection.config_set("maxmemory-policy", "allkeys-lru")
            connection.config_set("appendonly", "no")
            findings = check("Redis", settings, redis_url=empty_valkey_url)
        finally:
            connection.config_set("maxmemory-policy", "noeviction")
            connection.config_set("appendonly", "yes")
    assert states(findings) == [State.BAD, State.WARNING]
    assert states(check("Redis", settings, redis_url="redis://:canary@127.0.0.1:1/0")) == [State.BAD]


def test_the_database_is_looked_at(settings: Settings, database_url: str) -> None:
    """Tables that are missing and a database that may forget (the tests' PostgreSQL has fsync off) are told."""
    embedded = database_url.startswith("sqlite")
    if embedded:
        Path(database_url.partition(":///")[2]).touch()
    before = check("database", settings, database_url=database_url)
    assert State.WARNING in states(before)
    assert "without tables" in before[-1].message
    migrate(database_url)
    [finding] = check("database", settings, database_url=database_url)
    assert "without tables" not in finding.message
    assert finding.state is (State.GOOD if embedded else State.WARNING)
    assert embedded or "fsync off" in finding.message


def test_a_database_that_does_not_answer_is_told(settings: Settings) -> None:
    """No password is shown."""
    url = "postgresql://u:canary@127.0.0.1:1/d"
    [finding] = check("database", settings, database_url=url)
    assert finding.state is State.BAD
    assert "canary" not in str(finding)


def test_a_database_that_is_not_there_yet_is_no_fault(settings: Settings) -> None:
    """The first start makes it, and the doctor does not."""
    [finding] = check("database", settings)
    assert finding.state is State.GOOD
    assert not settings.home.exists()


def test_a_sandbox_that_is_not_there_is_told(settings: Settings) -> None:
    """The cure is the sandbox's own."""
    assert states(check("sandbox", settings, sandbox="nothing")) == [State.BAD]


@pytest.mark.bubblewrap
def test_a_real_sandbox_proves_itself(settings: Settings) -> None:
    """Bubblewrap is started, and every promise holds."""
    [finding] = check("sandbox", settings, sandbox="bubblewrap")
    assert finding.state is State.GOOD, finding


def test_what_the_workers_take_to_be_away_is_told(settings: Settings, home: Path) -> None:
    """A line for each, and none where there is no database, no table, or nothing away."""
    assert check("away", settings) == []
    (home / "var").mkdir()
    migrate(settings.database_url)
    assert check("away", settings) == []
    store = Store(settings.database_url)
    for _ in range(FAILURES):
        Breaker(store.records).failed("sandbox:here", "docker does not answer")
    store.close()
    [finding] = check("away", settings)
    assert finding.state is State.WARNING
    assert "sandbox here: away since" in finding.message
    assert "docker does not answer" in finding.message


def test_a_check_that_fails_or_hangs_is_a_line(settings: Settings) -> None:
    """A fault in a check, an error for people and one that takes too long are findings; the others are not held up."""
    never = threading.Event()

    def hangs(_context: Context) -> list[Finding]:
        never.wait(60)
        return []

    def fails(_context: Context) -> list[Finding]:
        raise RuntimeError("oh")

    def tells(_context: Context) -> list[Finding]:
        raise UserError("It is closed. Open it.")

    checks = (Check("hangs", hangs, 0.1), Check("fails", fails), Check("tells", tells))
    findings = list(examine(checks, Context(settings)))
    never.set()
    assert [finding.check for finding in findings] == ["hangs", "fails", "tells"]
    assert states(findings) == [State.BAD] * 3
    assert (findings[2].message, findings[2].cure) == ("It is closed.", "Open it.")


def test_the_command_says_whether_it_would_run(home: Path) -> None:
    """With nothing set it exits with 1, as lines and as JSON, and shows no traceback."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OPUS67_SANDBOX": "bubblewrap"}
    for flags in ([], ["--json"]):
        command = [sys.executable, "-m", "bot.cli", "doctor", *flags]
        result = subprocess.run(
            command, cwd=home, env=environment, capture_output=True, text=True, timeout=150, check=False
        )
        assert result.returncode == 1, result.stderr
        assert "Traceback" not in result.stderr + result.stdout
        if flags:
            answer = json.loads(result.stdout)
            assert answer["ok"] is False
            assert {finding["check"] for finding in answer["data"]["findings"]} >= {
                "settings",
                "model",
                "Redis",
                "disk",
            }
        else:
            assert "It would not run yet" in result.stdout


def test_slack_is_asked_who_the_bot_is(settings: Settings) -> None:
    """A good token is named with its workspace, a wrong one is cured; an outage keeps nothing from running."""
    assert states(check("Slack", settings)) == [State.SKIPPED]
    with LocalSlack(socket_mode=True) as slack:
        tokens = {"slack_bot_token": slack.bot_token, "slack_api_url": slack.api_url}
        assert states(check("Slack", settings, **tokens)) == [State.GOOD]
        assert states(check("Slack", settings, **tokens, slack_app_token=slack.app_token)) == [State.GOOD] * 2
        assert states(check("Slack", settings, **tokens, slack_app_token="xapp-wrong")) == [State.GOOD, State.BAD]
        assert states(check("Slack", settings, **tokens, public_url="")) == [State.GOOD, State.WARNING]
        [finding] = check("Slack", settings, **{**tokens, "slack_bot_token": "xoxb-wrong"})
        assert (finding.state, "invalid_auth" in finding.message) == (State.BAD, True)
    assert states(check("Slack", settings, **tokens)) == [State.WARNING]


def test_discord_is_asked_who_the_bot_is(settings: Settings) -> None:
    """As with Slack."""
    assert states(check("Discord", settings)) == [State.SKIPPED]
    with LocalDiscord() as discord:
        environment = discord.environment()
        tokens = {"discord_token": discord.token, "discord_api_url": environment["DISCORD_API_URL"]}
        assert states(check("Discord", settings, **tokens)) == [State.GOOD]
        assert states(check("Discord", settings, **{**tokens, "discord_token": "wrong"})) == [State.BAD]
    assert states(check("Discord", settings, **tokens)) == [State.WARNING]


def test_channels_are_bound_to_repositories_that_are_there(settings: Settings, github: LocalGitHub) -> None:
    """A repository without the App, and a chat without a token, are told."""
    assert check("channels", settings) == []
    github.create_repository("octo/shop", {"README.md": "x"})
    bound = (Channel("slack", "C1", "octo/shop", "all"), Channel("slack", "C2", "octo/nowhere", "look"))
    found = check("channels", settings, channels=bound, slack_bot_token="xoxb-x")
    assert states(found) == [State.GOOD, State.WARNING]
    assert states(check("channels", settings, channels=bound[:1])) == [State.GOOD, State.WARNING]
