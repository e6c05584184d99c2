"""Probes for what an agent might read: keys, the host's files, other processes, the kernel."""

from __future__ import annotations

from tests.hostile.probes.shape import Difference, Probe, reads, shell

CANARY = "canary-5d1f9c3b7a"
"""A secret of the host: in the environment of the process that starts the sandbox, and in files of its home."""
SEARCH = """
seen = []
for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline") + ["/proc/self/mountinfo"]:
    try:
        seen.append(path) if NEEDLE in text(path) else None
    except OSError:
        pass
for top in ("/run", "/etc", "/tmp", "/home", "/workspace", "/mirror", "/dev/shm", "/var/tmp", "/opt", "/srv", "/mnt"):
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            try:
                if os.path.isfile(path) and NEEDLE in text(path, 1 << 20):
                    seen.append(path)
            except OSError:
                pass
found = seen
"""
NO_FILE = Difference("ENOENT", "its /etc and its folders are made for it, and hold nothing else")
NO_SYS = Difference("ENOENT|NotADirectory", "it has no /sys at all")


def of_server(name: str, use: str) -> str:
    """Return a program that opens something of the command server in /proc."""
    return f"path = server() + '/{name}'\n{use}"


def search(needle: str, before: str = "") -> str:
    """Return a program that looks for a text wherever an agent can look."""
    return before + SEARCH.replace("NEEDLE", needle)


PROBES = (
    Probe(
        "find the keys of the process that started it, in any environment, command line, mount or file",
        search(f"'{CANARY[:6]}' + '{CANARY[6:]}'"),
        r"got \[\]",
        control=search("'plan' + 'ted'", "write('/tmp/planted', 'planted')\n"),
    ),
    Probe(
        "find a name that carries a secret in the environment of any process",
        """
            names = set()
            for path in glob.glob("/proc/[0-9]*/environ"):
                try:
                    names |= {entry.partition("=")[0] for entry in text(path).split("\\0")}
                except OSError:
                    pass
            assert "HOME" in names
            found = sorted(name for name in names if re.search("TOKEN|SECRET|PASSW|PRIVATE|KEY$|REDIS|DATABASE", name))
        """,
        r"got \[\]",
    ),
    Probe("read the password hashes", reads("/etc/shadow"), "EACCES", control=reads("/etc/passwd"), bubblewrap=NO_FILE),
    Probe(
        "list root's home",
        "found = os.listdir('/root')",
        "EACCES",
        control="found = os.listdir('/home/agent')",
        bubblewrap=NO_FILE,
    ),
    Probe("list the homes of the host", "found = os.listdir('/home')", r"got \['agent'\]"),
    Probe(
        "read the environment of the first process",
        "found = sorted(entry.partition('=')[0] for entry in text('/proc/1/environ').split(chr(0)) if entry)",
        "EACCES",
        control=reads("/proc/self/environ"),
    ),
    Probe(
        "read the memory of the first process",
        "with open('/proc/1/mem', 'rb', 0): found = 'opened'",
        "EACCES",
        control="with open('/proc/self/mem', 'rb', 0): found = 'opened'",
    ),
    Probe(
        "read the memory of the command server",
        of_server("mem", "with open(path, 'rb', 0): found = 1"),
        "EACCES",
        control=of_server("status", "found = text(path)[:4]"),
    ),
    Probe("read the environment of the command server", of_server("environ", "found = text(path)"), "EACCES"),
    Probe("map the memory of the command server", of_server("maps", "found = text(path)"), "EACCES"),
    Probe("list the channel of the command server", of_server("fd", "found = os.listdir(path)"), "EACCES"),
    Probe("forge an answer on the channel", of_server("fd/1", "found = write(path, 'forged')"), "EACCES"),
    Probe("leave by the root folder of the command server", of_server("root", "found = os.listdir(path)"), "EACCES"),
    Probe("enter a namespace of the command server", of_server("ns/mnt", "found = os.open(path, 0)"), "EACCES"),
    Probe(
        "leave by the root folder of the first process",
        "found = os.listdir('/proc/1/root/')",
        "EACCES",
        control="found = os.listdir('/proc/self/root/')",
    ),
    Probe(
        "see processes that are not the sandbox's",
        """
            names = {text(path).strip() for path in glob.glob("/proc/[0-9]*/comm")}
            found = sorted(names - {"docker-init", "catatonit", "timeout", "sleep", "opus67", "bash", "python3", "bwrap", "conmon"})
        """,
        r"got \[\]",
    ),
    Probe(
        "open the folders of the host that the mounts name",
        """
            roots = [line.split()[3] for line in text("/proc/self/mountinfo").splitlines()]
            roots += re.findall("(?:upper|work|lower)dir=([^,: ]+)", text("/proc/self/mountinfo"))
            inside = ("/", "/usr", "/etc", "/null", "/zero", "/full", "/random", "/urandom", "/tty", "/bus", "/fs", "/irq", "/sys")
            outside = [root for root in roots if root.count("/") > 1 and not root.startswith(tuple(f"{name}/" for name in inside))]
            assert outside
            found = [root for root in outside if os.path.exists(root)]
        """,
        r"got \[\]",
    ),
    Probe(
        "find what is mounted from the host beside its own folder",
        """
            disks = [line.split() for line in text("/proc/self/mountinfo").splitlines() if " - ext4 " in line or " - xfs " in line or " - btrfs " in line]
            assert disks
            found = sorted({fields[4] for fields in disks} - {"/run/opus67", "/etc/resolv.conf", "/etc/hostname", "/etc/hosts"})
        """,
        r"got \[('/(usr/)?s?bin/(docker-init|tini)')?\]",
        bubblewrap=Difference(
            r"got \['/etc/alternatives', ('/etc/[a-z./-]+', )+'/usr'\]",
            "the host's programs and the public parts of its /etc are mounted, read-only: the agent sees what is installed",
            told=True,
        ),
    ),
    Probe(
        "find a database, a key or a setting of the bot in its own folder",
        "found = sorted(os.listdir('/run/opus67'))",
        r"got \['__main__\.py', 'inside', 'proxy\.sock'\]",
        bubblewrap=Difference(
            r"got \['__main__\.py', 'inside', 'proxy\.sock', 'start'\]", "its first command is a file there"
        ),
    ),
    Probe(
        "find an engine's socket",
        """
            places = ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock",
                      "/run/user/0/docker.sock", "/run/crio/crio.sock", "/run/dbus/system_bus_socket", "/run/systemd/private")
            found = [place for place in places if os.path.lexists(place)]
        """,
        r"got \[\]",
    ),
    Probe(
        "find any socket but its proxy's",
        """
            tops = ("/run", "/tmp", "/dev", "/var", "/etc", "/home", "/workspace", "/usr/lib", "/opt", "/srv", "/mnt")
            paths = (os.path.join(folder, name) for top in tops for folder, _, names in os.walk(top) for name in names)
            found = sorted(path for path in paths if stat.S_ISSOCK(os.lstat(path).st_mode))
        """,
        r"got \['/run/opus67/proxy\.sock'\]",
    ),
    Probe(
        "find the resolvers and domains of the host's network",
        "found = re.findall('(?m)^(?:nameserver|search|domain) .*', text('/etc/resolv.conf'))",
        r"got \['nameserver 127\.0\.0\.1'(, 'search \.')?\]",
        bubblewrap=NO_FILE,
    ),
    Probe("learn the host's name", "found = socket.gethostname()", "got sandbox"),
    Probe(
        "find its place among the host's control groups",
        "found = sorted({line.split(':')[2] for line in text('/proc/self/cgroup').split()})",
        r"got \['/'\]",
    ),
    Probe(
        "find git credentials",
        shell(
            "git config --list --show-origin | grep -iE 'credential|token|insteadof|extraheader|askpass' || echo none"
        ),
        "got none",
        control=shell("git config --list --show-origin | grep safe.directory"),
    ),
    Probe(
        "find credentials in the usual places",
        """
            names = (".netrc", ".git-credentials", ".npmrc", ".pypirc", ".ssh", ".aws", ".docker", ".config/gh", ".kube", ".gnupg")
            found = [name for name in names for home in ("/home/agent", "/root") if os.path.lexists(f"{home}/{name}")]
        """,
        r"got \[\]",
    ),
    Probe(
        "read the kernel's log by a call",
        "found = checked(libc.klogctl(3, ctypes.create_string_buffer(64), 64))",
        "EPERM",
    ),
    Probe("read the kernel's log as a file", reads("/proc/kmsg"), "EACCES|EPERM"),
    Probe("read the kernel's log as a device", reads("/dev/kmsg"), "ENOENT", control=reads("/dev/zero")),
    Probe(
        "read the kernel's memory",
        reads("/proc/kcore"),
        "EACCES|got 0|ENOENT",
        control=reads("/proc/version"),
    ),
    Probe("read the machine's memory", reads("/dev/mem"), "ENOENT", control=reads("/dev/zero")),
    Probe(
        "learn where the kernel is in memory",
        "found = sorted({line.split()[0].strip('0') for line in text('/proc/kallsyms', 4096).splitlines()[:20]})",
        r"got \[''\]",
    ),
    Probe(
        "read the kernel's table of keys",
        "found = len(text('/proc/keys'))",
        "got 0|EACCES|ENOENT",
    ),
    Probe("read the firmware's tables", "found = os.listdir('/sys/firmware')", r"got \[\]", bubblewrap=NO_SYS),
    Probe(
        "read the serial number of the machine",
        reads("/sys/class/dmi/id/product_serial"),
        "EACCES|ENOENT",
        control=reads("/proc/meminfo"),
    ),
    Probe(
        "read the kernel's tracing and debugging",
        "found = os.listdir('/sys/kernel/debug') + os.listdir('/sys/kernel/security')",
        r"EACCES|EPERM|ENOENT|got \[\]",
        control="found = os.listdir('/proc/self')",
    ),
    Probe(
        "find a disk among the devices",
        """
            kinds = {name: os.stat(f"/dev/{name}").st_mode for name in os.listdir("/dev") if os.path.exists(f"/dev/{name}")}
            assert "null" in kinds
            found = sorted(name for name, mode in kinds.items() if stat.S_ISBLK(mode))
        """,
        r"got \[\]",
    ),
    Probe(
        "find a device beside the harmless ones",
        """
            known = {"core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout",
                     "tty", "urandom", "zero", "console"}
            found = sorted(set(os.listdir("/dev")) - known)
        """,
        r"got \[\]",
    ),
    Probe("take the terminal of the host", reads("/dev/tty"), "ENXIO"),
    Probe(
        "read another repository's mirror",
        "found = os.listdir('/mirror')",
        r"got \[\]",
        bubblewrap=NO_FILE,
    ),
)
