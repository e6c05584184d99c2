"""Packs made byte by byte, to say what git itself would not write."""

from __future__ import annotations

import hashlib
import struct
import zlib

from tests.workspace.forge import FILE, FOLDER, Entry, Forge

X: Entry = (FILE, "x")


def started(kind: int, size: int) -> bytes:
    """Return the head of a pack's entry."""
    head, byte = bytearray(), (kind << 4) | (size & 15)
    size >>= 4
    while size:
        head.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    return bytes([*head, byte])


def entry(kind: int, data: bytes, between: bytes = b"") -> bytes:
    return started(kind, len(data)) + between + zlib.compress(data)


def packed(*entries: bytes) -> bytes:
    body = b"PACK" + struct.pack(">II", 2, len(entries)) + b"".join(entries)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def bundled(forge: Forge, commit: str, pack: bytes) -> bytes:
    return f"# v2 git bundle\n-{forge.base} base\n{commit} refs/heads/work\n\n".encode() + pack


def delta_bomb(forge: Forge) -> bytes:
    """Make a few kilobytes whose one delta says that they are 4 GB."""

    def number(value: int) -> bytes:
        out = bytearray()
        while value > 0x7F:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        return bytes([*out, value])

    base, count = b"\0" * 65536, 65536
    copy = b"\xb0" + struct.pack("<H", 65535)
    delta = number(len(base)) + number(65535 * count) + copy * count
    identity = hashlib.sha1(b"blob %d\0" % len(base) + base, usedforsecurity=False).digest()
    return bundled(forge, forge.commit(forge.tree({"a": X})), packed(entry(3, base), entry(7, delta, identity)))


def huge_blob(forge: Forge) -> bytes:
    """Make a quarter of a megabyte that unpacks to a quarter of a gigabyte, as a file of the tree."""
    count, block = 256, b"\0" * 1024**2
    shrink, digest = zlib.compressobj(), hashlib.sha1(b"blob %d\0" % (count * len(block)), usedforsecurity=False)
    data = b""
    for _ in range(count):
        data += shrink.compress(block)
        digest.update(block)
    blob = started(3, count * len(block)) + data + shrink.flush()
    tree = forge.raw_tree([(FILE, b"huge", digest.hexdigest())])
    commit = forge.commit(tree)
    contents = [
        entry(kind, forge.git("cat-file", name, it)) for kind, name, it in ((1, "commit", commit), (2, "tree", tree))
    ]
    return bundled(forge, commit, packed(blob, *contents))


def deep_folders(forge: Forge) -> bytes:
    """Make a file below twenty thousand folders."""
    objects, inside, mode = [entry(3, b"x")], _named("blob", b"x"), FILE
    for _ in range(20_000):
        tree = mode + b" a\0" + inside
        objects.append(entry(2, tree))
        inside, mode = _named("tree", tree), FOLDER
    people = "author a <a> 0 +0000\ncommitter a <a> 0 +0000\n\nx\n"
    commit = f"tree {inside.hex()}\nparent {forge.base}\n{people}".encode()
    return bundled(forge, _named("commit", commit).hex(), packed(*objects, entry(1, commit)))


def _named(kind: str, data: bytes) -> bytes:
    return hashlib.sha1(f"{kind} {len(data)}\0".encode() + data, usedforsecurity=False).digest()
