"""Names and addresses that no sandbox may reach."""

from __future__ import annotations

import ipaddress  # noqa: TC003 - hypothesis reads the annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.sandbox.addresses import is_allowed, is_public, name_problem, normalise

PRIVATE = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "nonsense",
]
ADDRESSES_AS_NAMES = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "1.2.3.4",
    "::1",
    "[::1]",
    "10.0.0",
    "example.0x1",
    "example.1",
    "1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_on_the_internet_is_refused(address: str) -> None:
    """Private, local, shared, reserved, documentation, and all that carry another address inside."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "140.82.121.4", "2606:4700:4700::1111", "2a04:4e42::223"])
def test_an_address_on_the_internet_is_taken(address: str) -> None:
    """Plain public addresses of both kinds."""
    assert is_public(address)


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """The check is never weaker than the standard library's."""
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        assert not is_public(str(address))


@pytest.mark.parametrize("name", ADDRESSES_AS_NAMES)
def test_an_address_in_any_notation_is_no_name(name: str) -> None:
    """What a resolver would take for an address is refused before any list is read."""
    assert name_problem(normalise(name))


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "a..b",
        "-a.example",
        "a b.example",
        "a/b.example",
        "ä.example",
        "a" * 64 + ".example",
        "x." * 130 + "example",
        "a\0b.example",
        "*.example",
        "a@b.example",
    ],
)
def test_what_is_no_host_name_is_refused(name: str) -> None:
    """Only letters, digits, dashes and underscores, within the lengths of the DNS."""
    assert name_problem(normalise(name))


@pytest.mark.parametrize(
    "name", ["example.com", "Files.Example.COM.", "a-b.c1.example", "xn--nxasmq6b.example", "_x.example"]
)
def test_an_honest_name_is_taken(name: str) -> None:
    """Upper case and the final dot do not matter."""
    assert name_problem(normalise(name)) == ""


@pytest.mark.parametrize(
    ("name", "patterns", "allowed"),
    [
        ("example.com", ["example.com"], True),
        ("example.com", ["EXAMPLE.com."], True),
        ("a.example.com", ["example.com"], False),
        ("a.example.com", ["*.example.com"], True),
        ("a.b.example.com", ["*.example.com"], True),
        ("example.com", ["*.example.com"], False),
        ("badexample.com", ["*.example.com"], False),
        ("example.com.evil.org", ["example.com", "*.example.com"], False),
        ("example.com", ["*"], False),
        ("example.com", ["*.*"], False),
        ("example.com", [], False),
    ],
)
def test_the_list_is_exact_or_a_suffix(name: str, patterns: list[str], allowed: bool) -> None:
    """A wildcard stands for labels before a suffix and nothing else."""
    assert is_allowed(name, patterns) is allowed
