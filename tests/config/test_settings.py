"""The settings: where they come from, what is told of mistakes, what never shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import dotenv
from config.settings import (
    VARIABLES,
    CiSecret,
    SettingsError,
    example_file,
    git_environment,
    load,
    problems,
    require,
    secrets,
    set_outside,
)

ROOT = Path(__file__).parents[2]
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEabc+/=\n-----END RSA PRIVATE KEY-----\n"
COMPLETE = {
    "GITHUB_APP_ID": "67",
    "GITHUB_PRIVATE_KEY": PEM,
    "GITHUB_WEBHOOK_SECRET": "hook-secret-one",
    "ANTHROPIC_API_KEY": "sk-ant-canary",
}


def test_complete_settings_have_no_problems() -> None:
    """The four needed variables are enough."""
    settings = load(COMPLETE, dotenv=None)
    assert problems(settings) == []
    assert require(settings) is settings
    assert settings.database_url == f"sqlite:///{settings.home}/opus67.sqlite3"
    assert settings.home.is_absolute()
    assert (settings.port, settings.workers, settings.mode, settings.redis_url) == (8067, 2, "balanced", "")


def test_everything_missing_or_wrong_is_told_at_once() -> None:
    """One error names each variable with an example."""
    wrong = {
        "PORT": "many",
        "OPUS67_MODE": "wild",
        "OPUS67_WORKERS": "0",
        "REDIS_URL": "http://x",
        "GITHUB_APP_ID": "x",
    }
    with pytest.raises(SettingsError) as caught:
        require(load(wrong, dotenv=None))
    told = {problem.variable for problem in caught.value.problems}
    assert told == {*wrong, "GITHUB_PRIVATE_KEY", "GITHUB_WEBHOOK_SECRET", "ANTHROPIC_API_KEY"}
    for name in told:
        assert f"Example: {name}=" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"DATABASE_URL": "mysql://x"}, "DATABASE_URL"),
        ({"PORT": "65536"}, "PORT"),
        ({"PORT": "²"}, "PORT"),
        ({"OPUS67_SANDBOX": "chroot"}, "OPUS67_SANDBOX"),
        ({"GITHUB_API_URL": "api.github.com"}, "GITHUB_API_URL"),
        ({"GITHUB_API_URL": "http://[bad"}, "GITHUB_API_URL"),
        ({"GITHUB_API_URL": "https://ghe.example.com/api/v3"}, "GITHUB_SERVER_URL"),
        ({"GITHUB_PRIVATE_KEY": "not a key"}, "GITHUB_PRIVATE_KEY"),
        ({"GITHUB_PRIVATE_KEY": "", "GITHUB_PRIVATE_KEY_PATH": "/nowhere/key.pem"}, "GITHUB_PRIVATE_KEY_PATH"),
        ({"OPUS67_MODEL": "openai:qwen3"}, "OPENAI_BASE_URL"),
        ({"OPUS67_MODEL": ","}, "OPUS67_MODEL"),
        ({"SLACK_BOT_TOKEN": "xoxb-1"}, "SLACK_SIGNING_SECRET"),
        ({"OPUS67_PUBLIC_URL": "opus.example.com"}, "OPUS67_PUBLIC_URL"),
    ],
)
def test_a_wrong_value_is_told_under_its_name(changes: dict[str, str], variable: str) -> None:
    """Each mistake makes exactly one problem, that of its variable."""
    assert [problem.variable for problem in problems(load({**COMPLETE, **changes}, dotenv=None))] == [variable]


def test_no_secret_shows_in_the_representation_or_in_problems() -> None:
    """Logging the settings, or the error about them, tells no secret."""
    marked = {variable.name: "canary-8b1f" for variable in VARIABLES if variable.secret}
    marked |= {"REDIS_URL": "redis://:canary-8b1f@h/0", "DATABASE_URL": "postgresql://u:canary-8b1f@h/d"}
    for environment in (marked, {**marked, "REDIS_URL": "canary-8b1f", "DATABASE_URL": "canary-8b1f"}):
        settings = load(environment, dotenv=None)
        assert "canary" not in repr(settings)
        assert "canary" not in str(SettingsError(problems(settings)))


def test_every_secret_is_listed_for_redaction() -> None:
    """Keys, tokens and the passwords in addresses are redacted, the key in both its spellings."""
    settings = load({**COMPLETE, "REDIS_URL": "redis://:redis-pass@h/0", "SLACK_BOT_TOKEN": "xoxb-11"}, dotenv=None)
    found = secrets(settings)
    assert {"hook-secret-one", "sk-ant-canary", "redis-pass", "xoxb-11", PEM, PEM.replace("\n", "\\n")} <= set(found)
    assert list(found) == sorted(found, key=len, reverse=True)


def test_two_webhook_secrets_are_both_valid() -> None:
    """During a rotation the first is ours to give, and both are accepted."""
    settings = load({**COMPLETE, "GITHUB_WEBHOOK_SECRET": "new-one, old-one"}, dotenv=None)
    assert settings.github_webhook_secrets == ("new-one", "old-one")
    assert settings.github_webhook_secret == "new-one"


def test_the_private_key_comes_in_every_usual_form(home: Path) -> None:
    """A path, real line breaks, written ones and those of Windows give the same key."""
    file = home / "key.pem"
    file.write_text(PEM)
    forms = [{"GITHUB_PRIVATE_KEY": text} for text in (PEM, PEM.replace("\n", "\\n"), PEM.replace("\n", "\r\n"))]
    for form in [*forms, {"GITHUB_PRIVATE_KEY": "", "GITHUB_PRIVATE_KEY_PATH": str(file)}]:
        assert load({**COMPLETE, **form}, dotenv=None).github_private_key == PEM


def test_the_environment_wins_over_the_file(home: Path) -> None:
    """The file gives what the environment does not; an empty variable of the environment unsets the file's."""
    file = home / ".env"
    file.write_text("PORT=9000\nOPUS67_MODE=aggressive\nOPUS67_MODEL=other\n")
    settings = load({"PORT": "9001", "OPUS67_MODEL": ""}, dotenv=file)
    assert (settings.port, settings.mode, settings.model) == (9001, "aggressive", "claude-opus-5-5")
    assert set_outside(["PORT", "OPUS67_MODE"], {"PORT": "9001"}) == ["PORT"]


def test_an_unreadable_file_is_told_with_its_line(home: Path) -> None:
    """A line that is no assignment, a folder and binary rubbish are problems, not crashes."""
    file = home / ".env"
    file.write_text("PORT=9000\nthis is nothing\n")
    assert any(
        str(file) in problem.variable and "line 2" in problem.variable for problem in load({}, dotenv=file).mistakes
    )
    file.write_bytes(b"\xff\xfe\x00")
    assert [problem.variable for problem in load({}, dotenv=file).mistakes] == [str(file)]
    assert [problem.variable for problem in load({}, dotenv=home).mistakes] == [str(home)]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A=1\nexport B = two words # note\n", {"A": "1", "B": "two words"}),
        ('A=\'$x # y\'\nB="a\\nb\\"c\\$" # note', {"A": "$x # y", "B": 'a\nb"c$'}),
        ('A="one\ntwo"\nB=2', {"A": "one\ntwo", "B": "2"}),
        ("# A=1\n\n  \nA=\nA=3\r\n", {"A": "3"}),
        ("A=a#b\nB=#c", {"A": "a#b", "B": ""}),
    ],
)
def test_the_file_is_read_as_people_write_it(text: str, values: dict[str, str]) -> None:
    """Quotes, comments, export, empty values and values of several lines."""
    read = dotenv.parse(text)
    assert read.values == values
    assert read.unreadable == ()


@given(st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"])))
def test_what_is_quoted_is_read_back(value: str) -> None:
    """Whatever value is written, the reader gives it back, and the next line is untouched."""
    assert dotenv.parse(f"A={dotenv.quote(value)}\nB=2\n").values == {"A": value, "B": "2"}


def test_the_example_file_is_the_generated_one() -> None:
    """``.env.example`` names every variable, is up to date, and can be loaded as it is."""
    example = ROOT / ".env.example"
    assert example.read_text() == example_file()
    assert {variable.name for variable in VARIABLES} <= set(
        re.findall(r"^#?([A-Z0-9_]+)=", example_file(), re.MULTILINE)
    )
    assert load({}, dotenv=example).mistakes == ()


def test_every_example_is_a_valid_value() -> None:
    """What a problem proposes would not be a problem itself."""
    for variable in VARIABLES:
        if variable.name != "GITHUB_PRIVATE_KEY_PATH":
            value = dotenv.parse(f"A={variable.example}").values["A"]
            assert load({variable.name: value}, dotenv=None).mistakes == (), variable.name


def test_git_gets_the_proxy_and_the_certificates_only() -> None:
    """Nothing else of the environment reaches git on the host."""
    environ = {"https_proxy": "http://p:1", "SSL_CERT_FILE": "/ca.pem", "SECRET": "x", "GIT_DIR": "/x", "NO_PROXY": ""}
    expected = {"https_proxy": "http://p:1", "SSL_CERT_FILE": "/ca.pem", "GIT_SSL_CAINFO": "/ca.pem"}
    assert git_environment(environ) == expected


def test_settings_are_light_to_import() -> None:
    """The command line's help must not pay for YAML, Flask or SQL."""
    code = (
        "import sys, config.settings; print(*[m for m in ('yaml', 'flask', 'sqlalchemy', 'httpx') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == ""


def test_secrets_and_hosts_of_ci_are_read_one_by_one() -> None:
    """A name may have two secrets; what is wrong is told without showing it, and the secrets are redacted."""
    names = {"OPUS67_CI_SECRETS": "jenkins=0123456789abcdef,jenkins=fedcba9876543210=,Drone=too-short"}
    settings = load(
        {**names, "OPUS67_CI_HOSTS": "CI.example.com, *.logs.example.com:8443, [::1]:1, https://x/"}, dotenv=None
    )
    assert settings.ci_secrets == (CiSecret("jenkins", "0123456789abcdef"), CiSecret("jenkins", "fedcba9876543210="))
    assert settings.ci_hosts == ("ci.example.com", "*.logs.example.com:8443", "[::1]:1")
    assert {problem.variable for problem in settings.mistakes} == {"OPUS67_CI_SECRETS", "OPUS67_CI_HOSTS"}
    assert "too-short" not in " ".join(str(problem) for problem in settings.mistakes)
    assert "0123456789abcdef" not in repr(settings)
    assert "0123456789abcdef" in secrets(settings)
