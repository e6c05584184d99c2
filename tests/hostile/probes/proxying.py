"""Probes for the one way out: what is asked of the egress proxy, raw, and what it must answer."""

from __future__ import annotations

from tests.hostile.probes.shape import Probe

LISTED = ("files.example", "*.wild.example", "inward.example", "mixed.example", "rebinding.example", "nowhere.example")
NAMES = {
    "files.example": ["1.1.1.1"],
    "a.wild.example": ["1.1.1.1"],
    "inward.example": ["10.0.0.7"],
    "mixed.example": ["1.1.1.1", "127.0.0.1"],
}
"""What the test's resolver knows; ``rebinding.example`` is public the first time and the host's own afterwards."""
INWARD = {
    "loopback": "127.0.0.1",
    "loopback far up": "127.255.0.9",
    "this host": "0.0.0.0",
    "a private network (10)": "10.1.2.3",
    "a private network (172)": "172.20.0.1",
    "a private network (192)": "192.168.0.1",
    "the cloud's metadata": "169.254.169.254",
    "the link": "169.254.1.1",
    "a provider's shared range": "100.64.9.9",
    "a multicast group": "224.0.0.251",
    "a reserved range": "240.0.0.1",
    "everybody": "255.255.255.255",
    "documentation": "192.0.2.1",
    "benchmarks": "198.18.0.1",
    "IPv6's loopback": "::1",
    "IPv6's nothing": "::",
    "a private IPv6 network": "fd00::7",
    "an IPv6 link": "fe80::1",
    "an IPv6 link with its zone": "fe80::1%eth0",
    "an IPv6 multicast group": "ff02::1",
    "a mapped loopback": "::ffff:127.0.0.1",
    "a mapped public address": "::ffff:1.1.1.1",
    "a compatible loopback": "::127.0.0.1",
    "a loopback behind NAT64": "64:ff9b::7f00:1",
    "a loopback behind 6to4": "2002:7f00:1::",
    "Teredo": "2001:0:7f00:1::",
    "the cloud's metadata over IPv6": "fd00:ec2::254",
}
"""A listed name each, ``in-<number>.wild.example``, that resolves to an address which is not on the internet."""
NAMES |= {f"in-{number}.wild.example": [address] for number, address in enumerate(INWARD.values())}

ASK = """
wire = socket.create_connection(("127.0.0.1", 3128), 5)
try:
    wire.sendall({request!r}.encode("latin-1"))
    {after}
    answer = b""
    while b"\\n" not in answer.partition(b"\\r\\n\\r\\n")[2] and len(answer) < 4096:
        chunk = wire.recv(4096)
        if not chunk:
            break
        answer += chunk
        if answer.startswith(b"HTTP/1.1 200"):
            break
except OSError as error:
    answer = answer or b"HTTP/1.1 reset\\r\\n\\r\\n"
head, _, body = answer.decode("latin-1").partition("\\r\\n\\r\\n")
found = " ".join((head.partition("\\r\\n")[0].partition(" ")[2][:5].strip(), body.strip()[:900]))
"""


def asks(request: str, after: str = "pass") -> str:
    """Return a program that sends a request to the proxy and prints the answer's status and words."""
    return ASK.format(request=request, after=after)


def tunnel(target: str) -> str:
    """Return a program that asks for a tunnel."""
    return asks(f"CONNECT {target} HTTP/1.1\r\nHost: files.example\r\n\r\n")


NUMBERS, UNLISTED, NO_NAME = ".*IP addresses are not allowed.*", ".*not on the list.*", ".*(not a valid|IP addresses).*"
INSIDE, IN_CLEAR, PORT = ".*not on the public internet.*", ".*plain HTTP request.*", ".*only HTTPS on port 443.*"
LITERALS = {
    "a public address": "1.1.1.1",
    "loopback": "127.0.0.1",
    "loopback in short": "127.1",
    "loopback in three parts": "127.0.1",
    "loopback as a decimal number": "2130706433",
    "loopback as an octal number": "017700000001",
    "loopback as a hexadecimal number": "0x7f000001",
    "loopback in octal parts": "0177.0.0.1",
    "loopback in hexadecimal parts": "0x7f.0x0.0x0.0x1",
    "loopback in mixed parts": "0x7f.1",
    "the metadata as a decimal number": "2852039166",
    "an address over 32 bits": "6425673729",
    "an address with a final dot": "127.0.0.1.",
    "an address in full-width digits": "\xef\xbc\x91.1.1.1",
    "nought": "0",
    "IPv6 in brackets": "[::1]",
    "IPv6 without brackets": "::1",
    "a mapped address": "[::ffff:127.0.0.1]",
    "a mapped address in hexadecimal": "[::ffff:7f00:1]",
    "IPv6 with a zone": "[fe80::1%25eth0]",
    "a name that ends in a number": "files.example.1",
}
SPELLINGS = {
    "a name below a listed one": ("evil.files.example:443", UNLISTED),
    "a listed name with something before it": ("evilfiles.example:443", UNLISTED),
    "a listed name with something behind it": ("files.example.evil.test:443", UNLISTED),
    "the suffix of a wildcard itself": ("wild.example:443", UNLISTED),
    "a wildcard's suffix with something before it": ("evilwild.example:443", UNLISTED),
    "the wildcard itself": ("*.wild.example:443", NO_NAME),
    "an empty label below a wildcard": (".wild.example:443", NO_NAME),
    "two final dots": ("files.example..:443", NO_NAME),
    "localhost": ("localhost:443", UNLISTED),
    "the host's name inside an engine": ("host.docker.internal:443", UNLISTED),
    "userinfo before a listed name": ("evil.test@files.example:443", NO_NAME),
    "userinfo that is a listed name": ("files.example@evil.test:443", NO_NAME),
    "userinfo with a port": ("files.example:443@evil.test:443", NO_NAME),
    "a fragment behind a listed name": ("evil.test#files.example:443", NO_NAME),
    "a path behind a listed name": ("evil.test/files.example:443", NO_NAME),
    "a backslash": ("evil.test\\files.example:443", NO_NAME),
    "a NUL in the name": ("files.example\0.evil.test:443", NO_NAME),
    "a NUL that vanishes": ("files\0.example:443", NO_NAME),
    "an escape that vanishes": ("files\x1b.example:443", NO_NAME),
    "letters beyond ASCII that vanish": ("files\xad.example:443", NO_NAME),
    "a name in percent": ("files%2eexample:443", NO_NAME),
    "a name that is too long": ("a" * 300 + ".example:443", ".*too long.*"),
    "another port": ("files.example:80", PORT),
    "the port of SSH": ("files.example:22", PORT),
    "no port": ("files.example", ".*names no port.*"),
    "an empty port": ("files.example:", ".*names no port.*"),
    "a port with a sign": ("files.example:+443", ".*names no port.*"),
    "a port in hexadecimal": ("files.example:0x1bb", ".*names no port.*"),
    "a port that overflows to 443": ("files.example:65979", PORT),
    "a port with noughts": ("files.example:00443", "got 200 .*"),
}
REQUESTS = {
    "fetch in the clear": ("GET http://files.example/ HTTP/1.1\r\nHost: files.example\r\n\r\n", IN_CLEAR),
    "fetch HTTPS without a tunnel": ("GET https://files.example/ HTTP/1.1\r\nHost: files.example\r\n\r\n", IN_CLEAR),
    "fetch from the host itself": ("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", IN_CLEAR),
    "post in the clear": ("POST http://files.example/ HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", IN_CLEAR),
    "tunnel by a header": ("CONNECT evil.test:443 HTTP/1.1\r\nHost: files.example:443\r\n\r\n", UNLISTED),
    "tunnel by a header that forwards": (
        "CONNECT evil.test:443 HTTP/1.1\r\nX-Forwarded-Host: files.example\r\n\r\n",
        UNLISTED,
    ),
    "smuggle a second request": (
        "GET http://a/ HTTP/1.1\r\nContent-Length: 0\r\n\r\nCONNECT files.example:443 HTTP/1.1\r\n\r\n",
        IN_CLEAR,
    ),
    "break the request line in two": ("CONNECT evil.test\r\n :443 HTTP/1.1\r\n\r\n", ".*names no port.*"),
    "end lines with a bare line feed": (
        "CONNECT evil.test:443\nCONNECT files.example:443 HTTP/1.1\r\n\r\n",
        ".*(names no port|not a valid|not on the list).*",
    ),
    "write the method small": ("connect files.example:443 HTTP/1.1\r\n\r\n", IN_CLEAR),
    "put a space before the method": (" CONNECT files.example:443 HTTP/1.1\r\n\r\n", IN_CLEAR),
    "name two targets": ("CONNECT evil.test:443 files.example:443 HTTP/1.1\r\n\r\n", UNLISTED),
    "send nothing but an end": ("\r\n\r\n", IN_CLEAR),
    "speak TLS at once": ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", IN_CLEAR),
    "speak SOCKS": ("\x05\x01\x00\r\n\r\n", IN_CLEAR),
    "speak HTTP/2": ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", IN_CLEAR),
    "send a header without end": (
        "CONNECT files.example:443 HTTP/1.1\r\nX: " + "y" * 20_000 + "\r\n\r\n",
        ".*(431|reset).*",
    ),
    "send headers without number": (
        "CONNECT files.example:443 HTTP/1.1\r\n" + "X: y\r\n" * 4_000 + "\r\n",
        ".*(431|reset).*",
    ),
}
PROBES = (
    Probe("reach a listed name, so that the others can fail", tunnel("files.example:443"), "got 200 .*"),
    Probe(
        "reach a name below a wildcard, in capitals and with a final dot", tunnel("A.Wild.EXAMPLE.:443"), "got 200 .*"
    ),
    *(Probe(f"tunnel to {what}", tunnel(f"{literal}:443"), f"got 403 {NUMBERS}") for what, literal in LITERALS.items()),
    *(
        Probe(
            f"tunnel to a listed name that points to {what}",
            tunnel(f"in-{number}.wild.example:443"),
            f"got 403 {INSIDE}",
        )
        for number, what in enumerate(INWARD)
    ),
    Probe("tunnel to a listed name with a private address", tunnel("inward.example:443"), f"got 403 {INSIDE}"),
    Probe(
        "tunnel to a listed name with a public and a private address", tunnel("mixed.example:443"), f"got 403 {INSIDE}"
    ),
    Probe(
        "tunnel to a listed name that nobody knows", tunnel("nowhere.example:443"), "got 502 .*could not be resolved.*"
    ),
    *(
        Probe(f"tunnel to {what}", tunnel(target), seen if seen.startswith("got") else f"got 40[03] {seen}")
        for what, (target, seen) in SPELLINGS.items()
    ),
    *(
        Probe(what, asks(request), f"got 4\\d\\d {seen}" if "431" not in seen else f"got {seen}")
        for what, (request, seen) in REQUESTS.items()
    ),
)
