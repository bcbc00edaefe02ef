"""A server of one page, on this machine's loopback alone."""

import errno
import socketserver
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from toolkit.errors import UserError

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
PORT = 8707
USUAL = 80  # of the web
PATIENCE = 10.0  # seconds that a client has to say what it wants
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Served:
    """The page that is served now, and its version: changed by one thread, read by others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._page, self._version = b"", ""

    def put(self, page: bytes, version: str) -> None:
        with self._lock:
            self._page, self._version = page, version

    def answer(self, path: str) -> tuple[str, bytes] | None:
        """The kind and the content of what is at a path; None: nothing."""
        with self._lock:
            if path in ("/", "/index.html"):
                return "text/html; charset=utf-8", self._page
            if path == "/version":
                return "text/plain; charset=utf-8", self._version.encode()
        return None


def serve(served: Served, port: int) -> "Server":
    """A server that waits to be run; UserError where the port cannot be had."""
    try:
        return Server(served, port)
    except OverflowError:
        raise UserError(f"--port is {port}; it must be 0 to 65535.") from None
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = "is taken" if taken else f"cannot be used ({error.strerror})"
        raise UserError(
            f"Port {port} {why}; name another with --port, or 0 for any that is free."
        ) from None


class Server(ThreadingHTTPServer):
    """Answers requests, each in a thread, that come under its own name."""

    daemon_threads = True
    request_queue_size = 64  # a page that is opened many times at once

    def __init__(self, served: Served, port: int) -> None:
        self.served = served
        super().__init__((HOST, port), Handler)
        self.names = {f"{name}:{self.server_port}" for name in NAMES}
        if self.server_port == USUAL:
            self.names.update(NAMES)  # browsers leave it out

    def server_bind(self) -> None:
        """Without looking up the machine's name, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is no error."""


class Handler(BaseHTTPRequestHandler):
    """GET and HEAD of the page and of its version; everything else is refused."""

    server: Server
    timeout = PATIENCE
    server_version, sys_version = "mec-toolkit", ""

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, body: bool) -> None:
        """Another name in the request means that a foreign page reaches for this one: its name was
        made to lead to this machine (DNS rebinding)."""
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or hosts[0].strip().lower() not in self.server.names:
            self._send(HTTPStatus.FORBIDDEN, "text/plain", b"Not under this name.\n", body)
            return
        found = self.server.served.answer(self.path.partition("?")[0])
        if found is None:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", b"There is one page: /\n", body)
        else:
            self._send(HTTPStatus.OK, *found, body)

    def _send(self, status: HTTPStatus, kind: str, content: bytes, body: bool) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Says nothing: the page asks every other second."""
