"""Logs are fetched by HTTPS from listed hosts alone, bounded, and never from an address that nobody named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.settings import load
from jobs.ci_fetch import fetch, target_of
from jobs.types import UserError

if TYPE_CHECKING:
    from tests.jobs.ci_host import Ci

HOSTS = ("ci.example.com", "*.logs.example.com", "jenkins:8443", "[::1]:8443", "10.0.0.7")


def test_a_log_is_read_up_to_its_limit(ci: Ci) -> None:
    """With its query, and with nothing of ours but a name."""
    ci.pages["/log?raw=1"] = (200, {}, b"x" * 300_000)
    assert ci.read("/log?raw=1") == b"x" * 300_000
    assert ci.read("/log?raw=1", limit=70_000) == b"x" * 70_000
    assert set(ci.asked[0][1]) == {"Host", "Accept-Encoding", "User-Agent"}


def test_redirects_lead_to_listed_hosts_only(ci: Ci) -> None:
    """On the same host they are followed, elsewhere and for ever they are not."""
    ci.pages |= {"/a": (302, {"Location": "/b"}, b""), "/b": (200, {}, b"here")}
    assert ci.read("/a") == b"here"
    for there in ("https://evil.example.com/", "http://localhost/", "file:///etc/passwd", ""):
        ci.pages["/a"] = (302, {"Location": there}, b"")
        with pytest.raises(UserError):
            ci.read("/a")
    ci.pages["/a"] = (307, {"Location": ci.url("/a")}, b"")
    with pytest.raises(UserError, match="redirected more than"):
        ci.read("/a")


def test_what_is_not_there_is_told_in_words_without_keys(ci: Ci) -> None:
    """The query may hold a key of the operator's."""
    with pytest.raises(UserError, match="answered 404") as told:
        ci.read("/gone?token=s3cret")
    assert "s3cret" not in str(told.value)
    ci.pages["/cut"] = (200, {"Content-Length": "50"}, b"short")
    with pytest.raises(UserError, match="could not be read"):
        ci.read("/cut")


def test_a_private_address_must_be_named(ci: Ci) -> None:
    """A name below a suffix that leads into the operator's network is refused, and nothing is asked there."""
    ci.pages["/log"] = (200, {}, b"inside")
    settings = load({"OPUS67_CI_HOSTS": f"*.localhost:{ci.port}"}, dotenv=None)
    with pytest.raises(UserError, match=r"not public|could not be read"):
        list(fetch(f"https://ci.localhost:{ci.port}/log", settings, 10))
    assert ci.asked == []
    named = load({"OPUS67_CI_HOSTS": f"169.254.169.254, 127.0.0.1:{ci.port}"}, dotenv=None)
    with pytest.raises(UserError, match="not public"):
        list(fetch("https://169.254.169.254/latest/meta-data", named, 10))
    with pytest.raises(UserError, match="could not be read"):  # its certificate is not for that name
        list(fetch(f"https://127.0.0.1:{ci.port}/log", named, 10))


def test_a_certificate_that_nobody_trusts_is_refused(ci: Ci, monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS is checked as browsers do."""
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(UserError, match="could not be read"):
        ci.read("/log")


@pytest.mark.parametrize(
    "url",
    [
        "https://ci.example.com/1",
        "https://CI.example.com./1",
        "https://ci.example.com:443/1",
        "https://a.b.logs.example.com",
        "https://jenkins:8443/job/1/consoleText?x",
        "https://[::1]:8443/",
        "https://10.0.0.7/",
    ],
)
def test_hosts_that_are_listed(url: str) -> None:
    """Exactly, with their port, or below a suffix."""
    assert target_of(url, HOSTS).host


@pytest.mark.parametrize(
    "url",
    [
        "http://ci.example.com/1",
        "https://ci.example.com:8443/1",
        "https://jenkins/1",
        "https://logs.example.com/1",
        "https://evillogs.example.com/1",
        "https://ci.example.com.evil.org/1",
        "https://ci.example.com@evil.org/1",
        "https://me@ci.example.com/1",
        "https://evil.org/?https://ci.example.com",
        "https://ci.example.com:99999/",
        "https://ci.example.com/\r\nHost: evil.org",
        "https://ci.example.com/a b",
        "https://",
        "https:///etc/passwd",
        "//ci.example.com/",
        "https://\u212ai.example.com/",
        "https://ci.example.com\\@evil.org/",
        "https://[::1/",
    ],
)
def test_hosts_that_are_not(url: str) -> None:
    """Whatever is tried to make one name look like another."""
    with pytest.raises(UserError):
        target_of(url, HOSTS)
