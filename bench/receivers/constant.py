"""The least that can be called a server: it reads a request and says 202, which shows what the sender can do."""

from __future__ import annotations

import select
import socket
import sys

ANSWER = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}"


def main() -> None:
    """Answer for ever on the port that is named."""
    server = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
    poll = select.epoll()
    poll.register(server.fileno(), select.EPOLLIN)
    talks: dict[int, socket.socket] = {}
    missing: dict[int, int] = {}
    while True:
        for number, _ in poll.poll():
            if number == server.fileno():
                talk, _ = server.accept()
                talks[talk.fileno()] = talk
                poll.register(talk.fileno(), select.EPOLLIN)
                continue
            part = talks[number].recv(1 << 18)
            if not part:
                poll.unregister(number)
                talks.pop(number).close()
                missing.pop(number, None)
                continue
            left = missing.get(number, 0) - len(part) if number in missing else _left(part)
            if left > 0:
                missing[number] = left
                continue
            missing.pop(number, None)
            talks[number].sendall(ANSWER)


def _left(part: bytes) -> int:
    """Return how many bytes of a request are still to come, after its first ones, which hold the whole head."""
    head, _, body = part.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
    return int(length or 0) - len(body)


if __name__ == "__main__":
    main()
