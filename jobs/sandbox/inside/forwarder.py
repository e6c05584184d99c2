"""The way from programs that know HTTPS_PROXY to the egress proxy's socket."""

from __future__ import annotations

import _thread
import selectors
import socket
import time

PROXY_SOCKET = "/run/opus67/proxy.sock"
PROXY_PORT = 3128
CONNECTIONS = 32
CHUNK = 1 << 16
PAUSE = 0.05


def forward() -> None:
    """Carry 127.0.0.1:3128 to the egress proxy's socket, so that programs which know HTTPS_PROXY can reach it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", PROXY_PORT))
    except OSError:
        return
    listener.listen(CONNECTIONS)
    open_ones: list[socket.socket] = []
    while True:
        try:
            client = listener.accept()[0]
        except OSError:
            time.sleep(PAUSE)
            continue
        while len(open_ones) >= CONNECTIONS:
            time.sleep(PAUSE)
        open_ones.append(client)
        try:
            _thread.start_new_thread(connect, (client, open_ones))
        except RuntimeError:
            open_ones.remove(client)
            client.close()


def connect(client: socket.socket, open_ones: list[socket.socket]) -> None:
    """Serve one forwarded connection until both sides have ended."""
    try:
        with client, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as proxy:
            proxy.connect(PROXY_SOCKET)
            with selectors.DefaultSelector() as selector:
                selector.register(client, selectors.EVENT_READ, proxy)
                selector.register(proxy, selectors.EVENT_READ, client)
                while selector.get_map():
                    for key, _ in selector.select():
                        carry(selector, client if key.data is proxy else proxy, key.data)
    except OSError:
        return
    finally:
        open_ones.remove(client)


def carry(selector: selectors.BaseSelector, source: socket.socket, target: socket.socket) -> None:
    """Copy what is there, and pass the end of one direction on."""
    data = source.recv(CHUNK)
    if data:
        target.sendall(data)
        return
    selector.unregister(source)
    target.shutdown(socket.SHUT_WR)
