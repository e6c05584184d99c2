"""Probes for ways out that are no proxy: addresses, sockets of the host, the settings of the network."""

from __future__ import annotations

from tests.hostile.probes.shape import Probe, shell

PORT, ABSTRACT, PATHNAME = "@port@", "@abstract@", "@pathname@"
"""Where the host listens while the probes are made; the test puts the addresses in the place of these words."""


def connects(family: str, address: str) -> str:
    """Return a program that opens a connection."""
    return f"found = socket.socket(socket.{family})\nfound.settimeout(5)\nfound.connect({address})"


LISTENS = """
address = {address}
listener = socket.socket(socket.{family})
listener.bind(address)
listener.listen()
found = socket.socket(socket.{family})
found.settimeout(5)
found.connect(address)
if isinstance(address, str) and address.startswith("/"):
    os.unlink(address)
"""


def listens(family: str, address: str) -> str:
    """Return a program that connects to a listener of its own."""
    return LISTENS.format(family=family, address=address)


PROBES = (
    Probe(
        "have a network device beside its own loopback",
        "found = [name for _, name in socket.if_nameindex()]",
        r"got \['lo'\]",
    ),
    Probe("have a route", "found = text('/proc/net/route').splitlines()[1:]", r"got \[\]"),
    Probe(
        "reach the internet",
        connects("AF_INET", "('1.1.1.1', 443)"),
        "ENETUNREACH",
        control=listens("AF_INET", "('127.0.0.1', 4001)"),
    ),
    Probe(
        "reach the internet over IPv6",
        connects("AF_INET6", "('2606:4700:4700::1111', 443)"),
        "ENETUNREACH|EADDRNOTAVAIL",
    ),
    Probe("reach the cloud's metadata", connects("AF_INET", "('169.254.169.254', 80)"), "ENETUNREACH"),
    Probe("reach the engine's bridge", connects("AF_INET", f"('172.17.0.1', {PORT})"), "ENETUNREACH"),
    Probe("reach a private network", connects("AF_INET", "('10.0.0.1', 22)"), "ENETUNREACH"),
    Probe(
        "reach a neighbour on the link",
        connects("AF_INET6", "('fe80::1', 22, 0, 1)"),
        "ENETUNREACH|EADDRNOTAVAIL|EINVAL",
    ),
    Probe("reach a service on the host's loopback", connects("AF_INET", f"('127.0.0.1', {PORT})"), "ECONNREFUSED"),
    Probe("reach a service of the host on any address", connects("AF_INET", f"('0.0.0.0', {PORT})"), "ECONNREFUSED"),
    Probe(
        "reach an abstract socket of the host",
        connects("AF_UNIX", f"chr(0) + {ABSTRACT!r}"),
        "ECONNREFUSED",
        control=listens("AF_UNIX", f"chr(0) + {ABSTRACT!r}"),
    ),
    Probe(
        "reach a socket of the host by its path",
        connects("AF_UNIX", repr(PATHNAME)),
        "ENOENT",
        control=listens("AF_UNIX", "'/tmp/own.sock'"),
    ),
    Probe("reach the engine by its socket", connects("AF_UNIX", "'/var/run/docker.sock'"), "ENOENT"),
    Probe(
        "send a datagram",
        "found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('1.1.1.1', 53))",
        "ENETUNREACH",
    ),
    Probe(
        "send to everybody on the link",
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)\nfound = s.sendto(b'x', ('255.255.255.255', 9))",
        "ENETUNREACH",
    ),
    Probe(
        "send to a multicast group",
        "found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('224.0.0.251', 5353))",
        "ENETUNREACH",
    ),
    Probe(
        "resolve a name",
        "found = socket.getaddrinfo('example.com', 443)",
        r".*(Temporary failure|not known|No address).*",
        control="found = socket.getaddrinfo('localhost', 443)",
    ),
    Probe("forge packets of the internet", "found = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)", "EPERM"),
    Probe("forge packets of any protocol", "found = socket.socket(socket.AF_INET, socket.SOCK_RAW, 255)", "EPERM"),
    Probe(
        "give its loopback an address of the network",
        """
            body = struct.pack("BBBBI", 2, 24, 0, 0, 1) + struct.pack("HH4s", 8, 2, bytes([10, 0, 0, 9]))
            wire = socket.socket(16, socket.SOCK_RAW, 0)
            wire.send(struct.pack("IHHII", 16 + len(body), 20, 0x605, 1, 0) + body)
            answer = wire.recv(4096)
            number = -struct.unpack("i", answer[16:20])[0]
            if number: raise OSError(number, os.strerror(number))
            found = "set"
        """,
        "EPERM",
    ),
    Probe(
        "take its loopback down",
        "s = socket.socket()\nfound = fcntl.ioctl(s, 0x8914, struct.pack('16sh14x', b'lo', 0))",
        "EPERM",
        control="s = socket.socket()\nfound = fcntl.ioctl(s, 0x8913, struct.pack('16sh14x', b'lo', 0))",
    ),
    Probe("make a device that tunnels", "found = os.open('/dev/net/tun', os.O_RDWR)", "ENOENT"),
    Probe(
        "bind to a device",
        "s = socket.socket()\nfound = s.setsockopt(socket.SOL_SOCKET, 25, b'eth0')",
        "ENODEV",
        control="s = socket.socket()\nfound = s.setsockopt(socket.SOL_SOCKET, 25, b'lo')",
    ),
    Probe("fetch a page", shell("curl -sS -m 5 https://example.com"), r"curl: \(56\) .*403.*"),
    Probe(
        "fetch a page in the clear",
        shell("curl -sS -m 5 http://example.com"),
        "got Opus 67 blocked this request to example.com: only HTTPS is let through.*",
    ),
    Probe("fetch around the proxy", shell("curl -sS -m 5 --noproxy '*' https://example.com"), r"curl: \(6\) .*"),
    Probe(
        "fetch around the proxy by a number", shell("curl -sS -m 5 --noproxy '*' https://1.1.1.1"), r"curl: \(7\) .*"
    ),
    Probe("clone a repository", shell("git clone -q https://github.com/a/b /tmp/clone"), "fatal: .*403.*"),
    Probe("install a package", shell("pip download --no-input --retries 0 --timeout 5 -d /tmp/pip six"), r"ERROR: .*"),
)
