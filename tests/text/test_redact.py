"""Secrets leave no text, whatever they are wrapped in."""

from __future__ import annotations

import base64
import binascii
import json
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from jobs.text import REDACTED, redact
from tests.text.strategies import ORDINARY, markup

SECRET = "c4n4ry/S3cret+value=42"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAabcdefgh\nijklmnopqrstuvwxyz0123456\n-----END RSA PRIVATE KEY-----"

WRAPPINGS = {
    "plain": SECRET,
    "reversed": SECRET[::-1],
    "hex": SECRET.encode().hex(),
    "HEX": SECRET.encode().hex().upper(),
    "hex with colons": SECRET.encode().hex(":"),
    "percent": quote(SECRET, safe=""),
    "all percent": "".join(f"%{byte:02x}" for byte in SECRET.encode()),
    "JSON": json.dumps({"key": SECRET}),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "URL-safe base64": base64.urlsafe_b64encode(b"key=" + SECRET.encode()).decode(),
}


@pytest.mark.parametrize("name", WRAPPINGS)
def test_a_secret_is_found_in_its_wrapping(name: str) -> None:
    """Neither the wrapped secret nor most of it is left."""
    shown = redact(f"before {WRAPPINGS[name]} after", [SECRET])
    assert REDACTED in shown
    assert WRAPPINGS[name][2:-4] not in shown
    assert shown.startswith("before")
    assert shown.endswith("after")


@settings(max_examples=200)
@given(some.binary(max_size=20), some.binary(max_size=20))
def test_a_secret_is_found_anywhere_in_base64(before: bytes, after: bytes) -> None:
    """Whatever it was encoded together with, none of the middle of the secret can be decoded."""
    shown = redact(base64.b64encode(before + SECRET.encode() + after).decode(), [SECRET])
    assert REDACTED in shown
    for part in shown.split(REDACTED):
        try:
            decoded = base64.b64decode(part + "=" * (-len(part) % 4))
        except binascii.Error:
            continue
        assert SECRET.encode()[3:-3] not in decoded


@pytest.mark.parametrize(
    "token",
    [
        "ghs_67_eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOjY3fQ.c2ln-bmF0_dXJl",
        "ghp_" + "a1" * 18,
        "github_pat_" + "A1_" * 20,
        "sk-ant-api03-" + "aB-_" * 10,
        "xoxb-123456789012-abcdefghij",
        "AKIAABCDEFGHIJKLMNOP",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghij",
        PEM,
    ],
)
def test_what_looks_like_a_token_goes_too(token: str) -> None:
    """Unknown tokens of known services are taken out whole."""
    assert redact(f"x {token} y", []) == f"x {REDACTED} y"


def test_a_password_in_a_url_goes() -> None:
    """The address stays readable."""
    assert redact("https://user:pa55@host/path", []) == f"https://{REDACTED}@host/path"


def test_a_line_of_a_key_is_enough() -> None:
    """Part of a private key is as secret as the whole."""
    assert redact("found ijklmnopqrstuvwxyz0123456 there", [PEM]) == f"found {REDACTED} there"


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_writing_stays(name: str) -> None:
    """Nothing is taken for a secret that is none; short secrets do not eat words."""
    assert redact(ORDINARY[name], ["", "the", "total", SECRET]) == ORDINARY[name]


@settings(max_examples=200)
@given(markup, some.lists(some.text(min_size=8, max_size=30), max_size=3))
def test_it_never_raises_and_leaves_no_secret(text: str, secrets: list[str]) -> None:
    """For any text and any secrets, no secret of sensible length is left."""
    shown = redact(text + "".join(secrets), secrets)
    assert not [secret for secret in secrets if len(secret.strip()) >= 8 and secret in shown and secret not in REDACTED]
