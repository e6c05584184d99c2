"""Probes for single system calls: the filter must refuse them, and root without a filter must be answered otherwise."""

from __future__ import annotations

from tests.hostile.probes.shape import Probe

BUFFER = "ctypes.create_string_buffer(256)"
CALLS = {
    # Arguments are harmless even to root without a filter, and such that root is never answered with EPERM.
    "set up io_uring": (425, 425, f"8, {BUFFER}"),
    "trace itself": (101, 117, "0, 0, 0, 0"),
    "read another process's memory": (310, 270, "os.getpid(), 0, 0, 0, 0, 0"),
    "write another process's memory": (311, 271, "os.getpid(), 0, 0, 0, 0, 0"),
    "compare two processes": (312, 272, "os.getpid(), os.getpid(), 0, 0, 0"),
    "take a descriptor of another process": (438, 438, "os.open('/dev/null', 0), 0, 0"),
    "advise another process's memory": (440, 440, "os.open('/dev/null', 0), 0, 0, 0, 0"),
    "make a user namespace": (272, 97, "0x10000000"),
    "make a mount namespace": (272, 97, "0x00020000"),
    "make a network namespace": (272, 97, "0x40000000"),
    "enter a namespace": (308, 268, "os.open('/proc/self/ns/net', 0), 0"),
    "ask the keyring": (250, 219, "0, -3, 0"),
    "add a key": (248, 217, "b'user', b'opus67', b'y', 1, -2"),
    "request a key": (249, 218, "b'user', b'opus67-none', None, 0"),
    "load a BPF program": (321, 280, f"99, {BUFFER}, 128"),
    "watch performance events": (298, 241, f"{BUFFER}, 0, -1, -1, 0"),
    "handle page faults": (323, 282, "0x80000"),
    "open a file by its handle": (304, 265, f"-1, {BUFFER}, 0"),
    "name a file by a handle": (303, 264, f"-100, b'/', {BUFFER}, {BUFFER}, 0"),
    "mount": (165, 40, "b'none', b'/opus67-none', b'tmpfs', 0, None"),
    "unmount": (166, 39, "b'/opus67-none', 0"),
    "change its root": (155, 41, "b'/opus67-none', b'/opus67-none'"),
    "open a tree of mounts": (428, 428, "-100, b'/opus67-none', 0"),
    "move a mount": (429, 429, "-1, b'', -1, b'', 0"),
    "open a file system": (430, 430, "b'opus67-none', 0"),
    "change a mount's attributes": (442, 442, f"-1, b'', 0, {BUFFER}, 0"),
    "load a kernel module": (175, 105, "None, 0, b''"),
    "load a kernel module from a file": (313, 273, "-1, b'', 0"),
    "load another kernel": (246, 104, "0, 17, None, 0"),
    "restart the machine": (169, 142, "1, 2, 3, 0"),
    "read the kernel's log": (103, 116, "-1, None, 0"),
    "set the clock": (164, 170, "ctypes.create_string_buffer(b'\\xff' * 16), None"),
    "set another clock": (227, 112, f"99, {BUFFER}"),
    "swap": (167, 224, "b'/opus67-none', 0"),
    "set a quota": (179, 60, "0x800001, b'/opus67-none', 0, None"),
    "hang the terminal up": (153, 58, ""),
    "watch all files": (300, 262, "0xffff, 0"),
    "move pages between processes": (256, 238, "0, 0, None, None"),
}
LOCKABLE = ("load a kernel module", "load a kernel module from a file", "load another kernel", "restart the machine")
"""What a kernel in lockdown refuses to root, too."""
ELSEWHERE = {
    "make a user namespace by clone": "found = call(56, 220, 0x10000000 | 17, 0, 0, 0, 0)\nif found == 0: os._exit(0)",
    "talk to the hypervisor": "found = socket.socket(40, socket.SOCK_STREAM).fileno()",
    "see packets": "found = socket.socket(17, socket.SOCK_RAW).fileno()",
    "use the kernel's cryptography": "found = socket.socket(38, socket.SOCK_SEQPACKET).fileno()",
    "have a module for bluetooth loaded": "found = socket.socket(31, socket.SOCK_RAW, 1).fileno()",
    "have a module for CAN buses loaded": "found = socket.socket(29, socket.SOCK_RAW, 1).fileno()",
    "have a module for TIPC loaded": "found = socket.socket(30, socket.SOCK_SEQPACKET).fileno()",
    "have a module for RDS loaded": "found = socket.socket(21, socket.SOCK_SEQPACKET).fileno()",
    "have a module for SCTP loaded": "found = socket.socket(2, socket.SOCK_STREAM, 132).fileno()",
    "have a module for DCCP loaded": "found = socket.socket(2, 6, 33).fileno()",
    "have a module for L2TP loaded": "found = socket.socket(10, socket.SOCK_DGRAM, 115).fileno()",
    "use multipath TCP": "found = socket.socket(2, socket.SOCK_STREAM, 262).fileno()",
    "speak netfilter": "found = socket.socket(16, socket.SOCK_RAW, 12).fileno()",
    "hear the kernel's devices": "found = socket.socket(16, socket.SOCK_RAW, 15).fileno()",
    "speak to the kernel's audit": "found = socket.socket(16, socket.SOCK_RAW, 9).fileno()",
    "speak generic netlink": "found = socket.socket(16, socket.SOCK_RAW, 16).fileno()",
    "run without address randomisation": "found = checked(libc.personality(0x0040000))",
}
FILTERED = (
    *(
        Probe(
            tries, f"found = call({x86}, {arm}, {arguments})" if arguments else f"found = call({x86}, {arm})", "EPERM"
        )
        for tries, (x86, arm, arguments) in CALLS.items()
    ),
    *(Probe(tries, code, "EPERM") for tries, code in ELSEWHERE.items()),
)
UNKNOWN = (
    Probe(
        "clone by the newer call, whose flags no filter can see",
        "found = call(435, 435, ctypes.create_string_buffer(88), 88)",
        "ENOSYS",
    ),
    Probe(
        "use up the machine's asynchronous I/O", "found = call(206, 0, 1, ctypes.byref(ctypes.c_ulong(0)))", "ENOSYS"
    ),
    Probe("make a call that is newer than the filter", "found = call(463, 463)", "ENOSYS"),
)
PROBES = (*FILTERED, *UNKNOWN)
"""Each is tried once more by root with every capability and no filter: what is seen must then be something else."""
