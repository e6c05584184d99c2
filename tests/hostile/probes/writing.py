"""Probes for what an agent might change or become: the root, mounts, the kernel's settings, another user."""

from __future__ import annotations

from tests.hostile.probes.shape import Difference, Probe, shell, writes

NO_SYS = Difference("ENOENT", "it has no /sys at all")
CALLS = {
    "make the root writable": "mount(b'none', b'/', None, 0x20 | 4096, None)",
    "mount a tmpfs": "mount(b'none', b'/tmp', b'tmpfs', 0, None)",
    "mount the host's disk": "mount(b'/dev/vda', b'/tmp', b'ext4', 0, None)",
    "bind the root elsewhere": "mount(b'/', b'/tmp', None, 4096, None)",
    "mount a proc without masks": "mount(b'proc', b'/tmp', b'proc', 0, None)",
    "take its proxy's folder away": "umount2(b'/run/opus67', 2)",
    "change its root by chroot": "chroot(b'/tmp')",
    "take another name": "sethostname(b'host', 4)",
    "take another domain": "setdomainname(b'host', 4)",
    "switch process accounting on": "acct(b'/tmp/acct')",
    "swap to a file": "swapon(b'/tmp/swap', 0)",
}


def libc(call: str) -> str:
    """Return a program that makes a call of the C library."""
    return f"found = checked(libc.{call})"


def limit(name: str) -> str:
    """Return a program that raises a limit above its ceiling."""
    return f"""
ceiling = resource.getrlimit(resource.{name})[1]
assert ceiling != -1
try:
    found = resource.setrlimit(resource.{name}, (ceiling + 1, ceiling + 1))
except ValueError as error:
    raise OSError(errno.EPERM if "not allowed to raise" in str(error) else 0, str(error))
"""


FILES = (
    *(
        Probe(f"write to {path}", writes(path), seen, control=writes("/workspace/x"), bubblewrap=instead)
        for path, seen, instead in (
            ("/usr/x", "EROFS", None),
            ("/etc/x", "EROFS", None),
            ("/x", "EROFS", None),
            ("/run/x", "EROFS", None),
            ("/run/lock/x", "EROFS", Difference("ENOENT", "it has no such folder")),
            ("/var/tmp/x", "EROFS", Difference("ENOENT", "it has no such folder")),
            ("/dev/x", "EACCES", Difference("EROFS", "its /dev is mounted read-only, the agent being its owner")),
            ("/mirror/x", "EROFS", Difference("ENOENT", "there is no such folder without a mirror")),
        )
    ),
    Probe("replace the command server", writes("/run/opus67/__main__.py"), "EROFS"),
    Probe("replace a module of the command server", writes("/run/opus67/inside/server.py"), "EROFS"),
    Probe("remove its proxy's socket", "found = os.unlink('/run/opus67/proxy.sock')", "EROFS"),
    Probe("put a socket in its proxy's place", "found = os.rename('/run/opus67/proxy.sock', '/run/opus67/x')", "EROFS"),
    Probe(
        "have a root that is mounted writable",
        "found = [line.split()[3] for line in text('/proc/mounts').splitlines() if line.split()[1] == '/'][-1].split(',')[0]",
        "got ro",
    ),
    Probe(
        "find a writable mount that heeds set-uid programs or devices",
        """
            mounts = [line.split() for line in text("/proc/self/mounts").splitlines()]
            mounts = [(where, options.split(",")) for _, where, _, options, *_ in mounts if os.access(where, os.W_OK)]
            assert any(where == "/workspace" for where, _ in mounts)
            found = [where for where, options in mounts if os.path.isdir(where) and not {"nosuid", "nodev"} <= set(options)
                     and not where.startswith(("/dev/pts", "/dev/mqueue", "/dev/shm", "/sys/fs/cgroup"))]
        """,
        r"got \[\]",
    ),
)
KERNEL = (
    *(
        Probe(f"write to {path}", writes(path, content), seen, control=writes("/proc/self/comm"), bubblewrap=instead)
        for path, content, seen, instead in (
            (
                "/proc/sys/kernel/core_pattern",
                "|/tmp/x",
                "EROFS",
                Difference("EACCES", "its /proc is not read-only, and root's all the same"),
            ),
            ("/proc/sys/kernel/modprobe", "/tmp/x", "EROFS|ENOENT", Difference("EACCES|ENOENT", "as above")),
            ("/proc/sys/vm/drop_caches", "3", "EROFS", Difference("EACCES", "as above")),
            ("/proc/sys/kernel/unprivileged_userns_clone", "1", "EROFS|EACCES|ENOENT", None),
            ("/proc/sys/user/max_user_namespaces", "9", "EROFS", Difference("EACCES", "as above")),
            ("/proc/sys/net/ipv4/ip_forward", "1", "EROFS", Difference("EACCES", "as above")),
            ("/proc/sysrq-trigger", "h", "EROFS|ENOENT", Difference("EACCES|ENOENT", "as above")),
            ("/proc/irq/default_smp_affinity", "1", "EROFS|EACCES|ENOENT", None),
            (
                "/proc/1/oom_score_adj",
                "1000",
                "EACCES",
                None,
            ),
            ("/proc/self/oom_score_adj", "-1000", "EACCES", None),
            ("/proc/self/uid_map", "0 0 1", "EPERM", None),
            ("/proc/self/gid_map", "0 0 1", "EPERM", None),
            ("/sys/kernel/uevent_helper", "/tmp/x", "EROFS|ENOENT", NO_SYS),
            ("/sys/kernel/mm/transparent_hugepage/enabled", "never", "EROFS|ENOENT|EACCES", NO_SYS),
            ("/sys/power/state", "mem", "EROFS|EACCES|ENOENT", NO_SYS),
            ("/sys/class/net/lo/mtu", "99", "EROFS|EACCES", NO_SYS),
        )
    ),
    Probe(
        "have a control group run a program at its end",
        """
            files = glob.glob("/sys/fs/cgroup/**/release_agent", recursive=True)
            found = [path for path in files if os.access(path, os.W_OK)]
        """,
        r"got \[\]",
    ),
    Probe(
        "leave or loosen its control groups",
        """
            names = ("cgroup.procs", "tasks", "memory.limit_in_bytes", "memory.max", "pids.max", "cpu.max", "devices.allow", "cgroup.subtree_control")
            files = [path for name in names for path in glob.glob(f"/sys/fs/cgroup/**/{name}", recursive=True)]
            opened = []
            for path in files:
                try:
                    os.close(os.open(path, os.O_WRONLY))
                    opened.append(path)
                except OSError as error:
                    assert error.errno in (errno.EROFS, errno.EACCES), error
            found = opened
        """,
        r"got \[\]",
    ),
    Probe(
        "make a control group of its own",
        "found = os.mkdir('/sys/fs/cgroup/x')",
        "EROFS|EACCES",
        bubblewrap=NO_SYS,
    ),
    *(Probe(tries, libc(call), "EPERM") for tries, call in CALLS.items()),
)
BECOMING = (
    Probe(
        "hold a capability",
        "found = sorted({line.split()[1].strip('0') for line in text('/proc/self/status').splitlines() if line.startswith('Cap')})",
        r"got \[''\]",
    ),
    Probe(
        "run without its filter or with new privileges",
        "found = re.findall('(?m)^(?:NoNewPrivs|Seccomp):\\\\s(\\\\d)$', text('/proc/self/status'))",
        r"got \['1', '2'\]",
    ),
    Probe(
        "be another user",
        "found = (os.getuid(), os.geteuid(), os.getgid(), os.getegid())",
        r"got \(10001, 10001, 10001, 10001\)",
    ),
    Probe(
        "belong to a group beside its own",
        "found = sorted(set(os.getgroups()) - {10001})",
        r"got \[\]",
    ),
    Probe(
        "become root by a call",
        "found = os.setuid(0)",
        "EPERM",
        control="found = os.setuid(os.getuid())",
        bubblewrap=Difference("EINVAL", "there is no such user in its namespace"),
    ),
    Probe(
        "become root's group by a call",
        "found = os.setgid(0)",
        "EPERM",
        bubblewrap=Difference("EINVAL", "there is no such group in its namespace"),
    ),
    Probe("join other groups", "found = os.setgroups([0])", "EPERM"),
    Probe(
        "take capabilities by a call",
        """
            header = struct.pack("Ii", 0x20080522, 0)
            found = call(126, 91, header, struct.pack("6I", *[0xFFFFFFFF] * 6))
        """,
        "EPERM",
        control='found = call(126, 91, struct.pack("Ii", 0x20080522, 0), struct.pack("6I", *[0] * 6))',
    ),
    Probe(
        "keep capabilities for programs it starts",
        "found = checked(libc.prctl(47, 2, 0, 0, 0))",
        "EPERM",
    ),
    Probe("find a set-uid or set-gid program", shell("find / -xdev -perm /6000 -type f 2>/dev/null; true"), "got"),
    Probe(
        "become root by su",
        shell("timeout 5 su -c 'id -u' </dev/null"),
        r"(Password: )?su: .*",
        control=shell("timeout 5 bash -c 'id -u' </dev/null"),
    ),
    Probe(
        "become root by a set-uid copy of a shell",
        shell("cp /bin/bash /tmp/b && chmod u+s,g+s /tmp/b && /tmp/b -p -c 'echo $EUID'"),
        "got 10001",
    ),
    Probe(
        "give a file capabilities",
        "write('/tmp/capable', 'x')\nfound = os.setxattr('/tmp/capable', 'security.capability', struct.pack('<5I', 0x02000001, 1 << 21, 0, 0, 0))",
        "EPERM",
    ),
    Probe(
        "give a file away",
        "write('/tmp/mine', 'x')\nfound = os.chown('/tmp/mine', 0, 0)",
        "EPERM",
        control="write('/tmp/mine', 'x')\nfound = os.chown('/tmp/mine', os.getuid(), os.getgid())",
        bubblewrap=Difference("EINVAL", "there is no such user in its namespace"),
    ),
    Probe(
        "make a device of a disk",
        "found = os.mknod('/tmp/disk', stat.S_IFBLK | 0o666, os.makedev(254, 0))",
        "EPERM",
        control="found = os.mknod('/tmp/pipe', stat.S_IFIFO | 0o666)\nos.unlink('/tmp/pipe')",
    ),
    Probe("make a device of memory", "found = os.mknod('/tmp/mem', stat.S_IFCHR | 0o666, os.makedev(1, 1))", "EPERM"),
    Probe(
        "link a file of root's",
        "found = os.link('/etc/passwd', '/tmp/passwd')",
        "EXDEV|EPERM",
        control="write('/tmp/mine', 'x')\nfound = os.link('/tmp/mine', '/tmp/linked')\nos.unlink('/tmp/linked')",
    ),
)
LIMITS = (
    Probe(
        "raise its number of open files",
        limit("RLIMIT_NOFILE"),
        "EPERM",
        control="found = resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))",
    ),
    Probe("dump core", "found = resource.getrlimit(resource.RLIMIT_CORE)", r"got \(0, 0\)"),
    Probe("be preferred by the scheduler", "found = os.nice(-5)", "EPERM|EACCES", control="found = os.nice(1)"),
    Probe(
        "run in real time",
        "found = os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))",
        "EPERM",
        control="found = os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))",
    ),
    Probe("lock memory without end", limit("RLIMIT_MEMLOCK"), "EPERM"),
    Probe("set the machine's clock", "found = time.clock_settime(time.CLOCK_REALTIME, time.time())", "EPERM"),
    Probe(
        "bend the machine's clock",
        "found = checked(libc.adjtimex(struct.pack('=IIq', 2, 0, 1).ljust(208, b'\\0')))",
        "EPERM",
        control="found = checked(libc.adjtimex(ctypes.create_string_buffer(208)))",
    ),
    Probe(
        "end the process that holds its deadline",
        """
            holders = [int(path.split("/")[2]) for path in glob.glob("/proc/[0-9]*/comm") if text(path).strip() in ("timeout", "sleep", "docker-init", "catatonit")]
            found = [os.kill(pid, 0) for pid in holders]
        """,
        "EPERM",
        bubblewrap=Difference(r"got \[\]", "it is outside of the sandbox, where the agent does not even see it"),
    ),
)
PROBES = (*FILES, *KERNEL, *BECOMING, *LIMITS)
