"""Secrets leave no text, whatever they are wrapped in."""

from __future__ import annotations

import base64
import binascii
import json
import time
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from jobs.testing.github.keys import new_private_key
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


@pytest.mark.parametrize(
    "text",
    [
        "risk-assessment-of-the-thing and disk-usage-by-container-name",
        "weighs_total_in_kilograms_per_item",
        "a correct horse, a battery and a staple",
        "deadbeef12345678 is a commit, so is 0123456789abcdef0123456789abcdef01234567",
        "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==",
        "https://example.com/a%20b?c=%7B%22d%22%3A1%7D",
    ],
)
def test_what_only_looks_odd_stays(text: str) -> None:
    """Words with hyphens, commits, images and addresses are no secrets, and words are not those of a passphrase."""
    assert redact(text, [SECRET, "correct-horse-battery-staple"]) == text


@pytest.mark.parametrize(
    "bit",
    [
        "eyJ",
        "sk-",
        "sk-sk_",
        "-----BEGIN A PRIVATE KEY-----",
        "://a:",
        "%41",
        "4142",
        "ghp_",
        "QUJD",
        "&#8203;",
        "\u200b",
    ],
)
def test_no_text_takes_long(bit: str) -> None:
    """A text of a comment's length is read in a moment, whatever it is made of: twice of it takes about twice as long."""

    def seconds(size: int) -> float:
        text, began = (bit * size)[:size], time.thread_time()
        redact(text, [SECRET])
        return time.thread_time() - began

    # The quickest of three: the collector may come in between, and has much to look through in a tester.
    half, whole = (min(seconds(size) for _ in range(3)) for size in (32_000, 64_000))
    assert whole < 3 * half + 0.5


PRIVATE, OTHER = new_private_key(), new_private_key().splitlines()[1]
SIGNED = "ghs_67_eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOjY3LCJleHAiOjE3OTAwMDAwMDB9."


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        (SIGNED + "q7Zr2mVx9TbKw4LsYp8NcJd3HfGa6Qe1Uu5o", "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9 is the usual header"),
        (PRIVATE, "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAxyz\n"),
        (PRIVATE, f"{OTHER[:40]} begins every key"),
        ("sk-ant-api03-Vt7qXb2Zm9LrKwPd4NcYj8Hs6Ga1Qe5Uo3TfRiBxMz", "keys begin with sk-ant-api03-"),
        ("redis-password-2024-prod", "This password 2024 is long, and so is the password of prod"),
        ("MyCompanyStagingDatabase1", "My company staging database is up"),
    ],
    ids=["a header", "a public key", "another key", "a prefix", "a password of words", "a name"],
)
def test_what_all_keys_have_is_no_secret(secret: str, text: str) -> None:
    """How keys and tokens of a sort begin, and the words of one that a person made up, may be written about."""
    assert redact(text, [secret]) == text


def test_part_of_a_secret_is_enough() -> None:
    """Fifteen letters and digits of what was drawn at random are taken out, also where a text was cut."""
    drawn = "q7Zr2mVx9TbKw4LsYp8NcJd3HfGa6Qe1Uu5o"
    assert redact(f"it ends in {drawn[-16:]}.", [SIGNED + drawn]) == f"it ends in {REDACTED}."
    line = new_private_key().splitlines()[9]
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n" + f"{line}\n" * 3 + "-----END PRIVATE KEY-----"
    assert redact(line[:20], [key]) == REDACTED
