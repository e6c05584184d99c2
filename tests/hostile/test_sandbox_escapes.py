"""What an agent may try from inside, each as a command that must fail, in every provider's sandbox."""

from __future__ import annotations

import platform
import shlex
import signal
from typing import TYPE_CHECKING

import pytest

from tests.hostile.sandboxes import shared  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from jobs.types import Sandbox


def python(code: str) -> str:
    """Return the shell command that runs Python code."""
    return f"python3 -c {shlex.quote(code)}"


def syscall(number: int, *arguments: str) -> str:
    """Return a command that makes a system call and succeeds when the kernel lets it."""
    values = "".join(f", {argument}" for argument in arguments)
    return python(
        "import ctypes, os, sys\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "libc.syscall.restype = ctypes.c_long\n"
        f"result = libc.syscall(ctypes.c_long({number}){values})\n"
        "print(result, os.strerror(ctypes.get_errno()))\n"
        "sys.exit(result == -1)"
    )


def connects(family: str, address: str) -> str:
    """Return a command that opens a connection and succeeds when it stands."""
    return python(f"import socket; s = socket.socket(socket.{family}); s.settimeout(2); s.connect({address})")


def proxied(request: str) -> str:
    """Return a command that speaks raw to the proxy and succeeds when the answer is a 200."""
    code = (
        "import socket, sys\n"
        "s = socket.create_connection(('127.0.0.1', 3128), 5)\n"
        f"s.sendall({request!r}.encode('latin-1'))\n"
        "answer = s.recv(4096)\n"
        "print(answer)\n"
        "sys.exit(b' 200 ' not in answer[:20])"
    )
    return python(code)


SECRETS = {
    "read the host's password hashes": "cat /etc/shadow",
    "list root's home": "ls ~root/",
    "list the homes of the host": "ls /home | grep -v '^agent$'",
    "read the environment of the first process for keys": "cat /proc/1/environ | tr '\\0' '\\n' | grep -Ei 'token|secret|key='",
    "find a key in any environment": "cat /proc/*/environ | tr '\\0' '\\n' | grep -Ei '^[a-z_]*(token|secret|api_key|private)[a-z_]*='",
    "read the memory of the command server": "head -c 1 /proc/$PPID/mem",
    "read the environment of the command server": "cat /proc/$PPID/environ",
    "open the channel of the command server": "ls -l /proc/$PPID/fd/1",
    "forge an answer on the channel": "echo forged > /proc/$PPID/fd/1",
    "find docker's socket": "ls /var/run/docker.sock || ls /run/docker.sock || ls /run/podman",
    "find a database or a key of the bot": "ls /run/opus67 | grep -Ei 'sqlite|\\.env|pem'",
    "read the kernel's log": "dmesg",
    "read kernel memory": "head -c 1 /proc/kcore",
    "read the host's disks": "ls /dev/vda /dev/sda /dev/nvme0n1 | grep dev && head -c 1 /dev/vda",
}
WALLS = {
    "write below /usr": "touch /usr/x",
    "write below /etc": "echo x > /etc/x",
    "write where everybody may": "touch /var/tmp/x || touch /run/lock/x || touch /var/lock/x",
    "have a root that is mounted writable": "awk '$2 == \"/\" {print $4}' /proc/mounts | grep -qw rw",
    "write to the root": "touch /x",
    "replace the command server": "echo x > /run/opus67/__main__.py",
    "remove the proxy's socket": "rm -f /run/opus67/proxy.sock",
    "make the root writable": "mount -o remount,rw /",
    "mount a tmpfs": "mount -t tmpfs none /tmp",
    "change the kernel's core pattern": "echo '|/tmp/x' > /proc/sys/kernel/core_pattern",
    "trigger the kernel by sysrq": "echo b > /proc/sysrq-trigger",
    "load a cgroup's release agent": "cd /sys/fs/cgroup; for file in release_agent */release_agent; do test -e $file && echo /tmp/x > $file && exit; done; exit 1",
    "set the host's clock": "date -s '2001-01-01'",
    "become root by su": "echo | su -c id",
    "become root by a set-uid copy of a shell": "cp /bin/bash /tmp/b && chmod u+s /tmp/b && test \"$(/tmp/b -p -c 'id -u')\" = 0",
    "become root by a call": python("import os; os.setuid(0)"),
    "give a file away": "touch /tmp/mine && chown 0 /tmp/mine",
    "make a device": "mknod /tmp/disk b 254 0",
    "end the process that holds the deadline": 'test "$(id -u)" != "$(stat -c %u /proc/1)" || kill -KILL 1 && ! test -e /proc/1',
    "raise its own limits": "ulimit -Hn 100000",
    "dump core": 'test "$(ulimit -Hc)" != 0',
    "lower its niceness": "nice -n -10 true 2>&1 | grep -vq 'cannot set'",
}
SYSTEM_CALLS = {
    "io_uring_setup": syscall(425, "8", "ctypes.create_string_buffer(256)"),
    "ptrace": syscall(101, "0", "0", "0", "0"),
    "process_vm_readv": syscall(310, "os.getpid()", "0", "0", "0", "0", "0"),
    "unshare a user namespace": syscall(272, "0x10000000"),
    "clone into a user namespace": syscall(56, "0x10000000 | 17", "0", "0", "0", "0"),
    "setns": syscall(308, "os.open('/proc/self/ns/net', 0)", "0"),
    "keyctl": syscall(250, "0", "-3", "0"),
    "add_key": syscall(248, "b'user'", "b'x'", "b'y'", "1", "-3"),
    "bpf": syscall(321, "0", "ctypes.create_string_buffer(128)", "128"),
    "perf_event_open": syscall(298, "ctypes.create_string_buffer(128)", "0", "-1", "-1", "0"),
    "userfaultfd": syscall(323, "1"),
    "open_by_handle_at": syscall(304, "0", "ctypes.create_string_buffer(64)", "0"),
    "mount by the new calls": syscall(430, "b'tmpfs'", "0"),
    "a call of the 32-bit ABI (x32)": syscall(0x40000000 + 39),
    "a socket to the hypervisor": python("import socket; socket.socket(40, socket.SOCK_STREAM)"),
    "a raw packet socket": python("import socket; socket.socket(17, socket.SOCK_RAW)"),
    "a raw internet socket": python("import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"),
    "a kernel crypto socket": python("import socket; socket.socket(38, socket.SOCK_SEQPACKET)"),
}
NETWORK = {
    "reach the internet": connects("AF_INET", "('1.1.1.1', 443)"),
    "reach the internet over IPv6": connects("AF_INET6", "('2606:4700:4700::1111', 443)"),
    "reach the cloud's metadata": connects("AF_INET", "('169.254.169.254', 80)"),
    "reach the engine's bridge": connects("AF_INET", "('172.17.0.1', 22)"),
    "reach a service of the host on loopback": connects("AF_INET", "('127.0.0.1', 22)"),
    "reach an abstract socket of the host": connects("AF_UNIX", "chr(0) + '/tmp/.X11-unix/X0'"),
    "resolve a name": python("import socket; socket.gethostbyname('example.com')"),
    "send to a resolver": "cat </dev/null >/dev/udp/1.1.1.1/53",
    "fetch a page": "curl -sSf -m 5 https://example.com",
    "fetch a page in the clear": "curl -sSf -m 5 http://example.com",
    "fetch around the proxy": "curl -sSf -m 5 --noproxy '*' https://example.com",
    "clone a repository": "git clone -q https://github.com/a/b /tmp/clone",
    "tunnel to a private address": proxied("CONNECT 10.0.0.1:443 HTTP/1.1\r\n\r\n"),
    "tunnel to loopback by name": proxied("CONNECT localhost:443 HTTP/1.1\r\n\r\n"),
    "tunnel to the metadata by a number": proxied("CONNECT 2852039166:443 HTTP/1.1\r\n\r\n"),
    "tunnel to loopback in hexadecimal": proxied("CONNECT 0x7f.1:443 HTTP/1.1\r\n\r\n"),
    "tunnel to a mapped address": proxied("CONNECT [::ffff:127.0.0.1]:443 HTTP/1.1\r\n\r\n"),
    "tunnel to another port": proxied("CONNECT example.com:22 HTTP/1.1\r\n\r\n"),
    "smuggle a second request": proxied(
        "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\nCONNECT example.com:443 HTTP/1.1\r\n\r\n"
    ),
    "tunnel with a broken request line": proxied("CONNECT\r\n\r\n"),
    "tunnel to a name with a NUL": proxied("CONNECT example.com\0.x:443 HTTP/1.1\r\n\r\n"),
}
PROBES = {**SECRETS, **WALLS, **NETWORK}
CONTROLS = {
    "a harmless system call": syscall(39),
    "a unix socket": python("import socket; socket.socketpair()"),
    "reading a public file": "cat /etc/passwd",
    "writing to the workspace": "touch /workspace/x",
    "reaching the proxy": python("import socket; socket.create_connection(('127.0.0.1', 3128), 5)"),
    "lowering its own limits": "ulimit -n 100",
    "a thread and a pool of processes": python("import multiprocessing as m; m.Pool(2).map(abs, [1, 2])"),
    "a repository": "git init -q /tmp/r && git -C /tmp/r status",
    "a Node program": "node -e 'setTimeout(() => console.log(1), 1)'",
}


@pytest.mark.parametrize("probe", PROBES)
def test_an_agent_cannot(shared: Sandbox, probe: str) -> None:  # noqa: F811 - the fixture
    """The probe fails inside the sandbox, within its time, and the sandbox goes on."""
    result = shared.run(PROBES[probe], timeout=20)
    assert not result.timed_out, result.output
    assert result.exit_code != 0, f"{probe}: {result.output}"
    assert shared.run("echo alive", timeout=10).output == "alive\n"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86_64")
@pytest.mark.parametrize("name", SYSTEM_CALLS)
def test_the_kernel_refuses_a_call(shared: Sandbox, name: str) -> None:  # noqa: F811 - the fixture
    """The filter, and not some other accident, refuses the call."""
    result = shared.run(SYSTEM_CALLS[name], timeout=20)
    assert result.exit_code != 0, result.output
    refused = any(words in result.output for words in ("Operation not permitted", "not implemented"))
    killed_by_the_filter = result.exit_code == 128 + signal.SIGSYS
    assert refused or killed_by_the_filter, result


@pytest.mark.parametrize("control", CONTROLS)
def test_honest_work_is_possible(shared: Sandbox, control: str) -> None:  # noqa: F811 - the fixture
    """What the probes are made of works when it asks for nothing forbidden, so that they can fail."""
    result = shared.run(CONTROLS[control], timeout=30)
    assert result.exit_code == 0, result.output
