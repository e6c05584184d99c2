"""What stands in the place of the internet behind an egress proxy: a resolver with a table, and an echo."""

from __future__ import annotations

import socket
import threading


class World:
    """A resolver with a table and a server that echoes, in the place of the internet; remembers what was asked."""

    def __init__(self) -> None:
        self.names = {"files.example": ["1.1.1.1"], "sub.files.example": ["1.1.1.1"]}
        self.resolved: list[str] = []
        self.connected: list[tuple[str, int]] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        """Echo to every connection."""
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.echo, args=(connection,), daemon=True).start()

    def echo(self, connection: socket.socket) -> None:
        """Send back what comes."""
        with connection:
            while data := self.receive(connection):
                connection.sendall(data)

    @staticmethod
    def receive(connection: socket.socket) -> bytes:
        """Return what came, or nothing at the end."""
        try:
            return connection.recv(65536)
        except OSError:
            return b""

    def resolve(self, name: str) -> list[str]:
        """Look a name up in the table."""
        self.resolved.append(name)
        if name not in self.names:
            raise OSError("no such name")
        return self.names[name]

    def connect(self, address: str, port: int) -> socket.socket:
        """Connect to the echo, whatever the address."""
        self.connected.append((address, port))
        return socket.create_connection(self.listener.getsockname())
