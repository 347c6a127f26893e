"""Load from another process: keep-alive connections that ask as fast as they are answered.

`python -m bench.load PORT SECONDS CONNECTIONS` reads the requests (a pickled list of bytes) from standard input and
prints what came of them as JSON.
"""

import json
import pickle
import selectors
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def fire(*, port: int, requests: list[bytes], seconds: float, connections: int = 16) -> dict[str, Any]:
    """{rate, p95_ms, statuses}: as many of the requests as were answered within `seconds`, in their order."""
    command = [sys.executable, "-m", "bench.load", str(port), str(seconds), str(connections)]
    done = subprocess.run(command, cwd=ROOT, input=pickle.dumps(requests), stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def request(path: str, body: bytes, **headers: str) -> bytes:
    """One POST as it goes over the wire; `_` in a header's name stands for `-`."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Connection:
    """One keep-alive connection with one request on its way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.began = 0.0

    def ask(self, request: bytes) -> None:
        self.buffer, self.began = b"", time.perf_counter()
        self.socket.sendall(request)

    def answer(self) -> int | None:
        """The status once the answer is whole."""
        got = self.socket.recv(65536)
        if not got:
            raise ConnectionError("the server hung up")
        self.buffer += got
        head, end, body = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return None
        lower = head.lower()
        length = int(lower.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        return int(head[9:12]) if len(body) >= length else None


def _run(port: int, requests: list[bytes], seconds: float, connections: int) -> dict[str, Any]:
    selector = selectors.DefaultSelector()
    waiting = iter(requests)
    times: list[float] = []
    statuses: dict[int, int] = {}
    open_ones = 0
    began = time.perf_counter()
    ends = began + seconds
    for _ in range(connections):
        connection = Connection(port)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.ask(next(waiting))
        open_ones += 1
    while open_ones:
        for key, _ in selector.select():
            connection = key.data
            status = connection.answer()
            if status is None:
                continue
            now = time.perf_counter()
            times.append(now - connection.began)
            statuses[status] = statuses.get(status, 0) + 1
            following = next(waiting, None) if now < ends else None
            if following is None:
                selector.unregister(connection.socket)
                open_ones -= 1
            else:
                connection.ask(following)
    took = time.perf_counter() - began
    p95 = statistics.quantiles(times, n=20)[-1] * 1000
    return {"rate": len(times) / took, "p95_ms": p95, "statuses": statuses}


if __name__ == "__main__":
    port, seconds, connections = sys.argv[1:4]
    print(json.dumps(_run(int(port), pickle.load(sys.stdin.buffer), float(seconds), int(connections))))
