"""The page of a study that renews itself while the study runs: a small server for this machine alone.

It listens on 127.0.0.1, answers nothing but GET, and knows one address: the page, below a random token that changes with
every start. Other programs of this machine and pages of other sites that try the port learn nothing but that it is there;
a name that was made to point here (DNS rebinding) is refused by the Host header. No file is served.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from nasmyth.errors import NasmythError, StudyError

REFRESH_SECONDS = 3
"""Seconds between two looks of the page at the study."""
HOSTS = ("127.0.0.1", "localhost")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Live:
    """Serves the page of a study until it is closed. `port` 0 takes one that is free; `url` is where the page is.

    Raises StudyError for a path that holds no study, and for a port that is taken.
    """

    def __init__(self, where: str, port: int = 0, every: float = REFRESH_SECONDS) -> None:
        from nasmyth.study import Study

        self.study = Study.open(where)
        self.every = every
        self.token = secrets.token_urlsafe(24)
        self._lock = threading.Lock()
        self._page = ("", "")
        try:
            self.server = _Server(("127.0.0.1", port), _Handler)
        except (OSError, OverflowError) as error:
            self.study.close()
            raise StudyError(f"port {port} cannot be used ({error}): give another, or none") from None
        self.server.live = self

    @property
    def url(self) -> str:
        """Where the page is. Whoever knows it can read the page."""
        return f"http://127.0.0.1:{self.server.server_port}/{self.token}/"

    def serve(self) -> None:
        """Answer until `close` is called from another thread, or until Ctrl-C."""
        try:
            self.server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            pass

    def page(self) -> tuple[str, str]:
        """(tag, page); the tag is another one when there is something new to show."""
        from nasmyth.report.page import render
        from nasmyth.report.read import read

        with self._lock:
            self.study.sync()
            now = going_on(self.study)
            tag = f'"{self.study.seq}-{abs(hash(now)):x}"'
            if tag != self._page[0]:
                live = {"every": self.every, "now": now, "seen": tag}
                self._page = (tag, render(read(self.study), live))
            return self._page

    def close(self) -> None:
        """Stop serving, and let go of the port and of the study."""
        self.server.server_close()
        self.study.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def going_on(study: Any) -> str:
    """What is known of the work on a study: "finished", or which candidates are being worked on, and the last news."""
    from nasmyth.study.claims import lapsed

    now = time.time()
    held = sorted(claim.trial for claim in study.journal.claims() if not lapsed(claim, now))
    at = time.strftime("%H:%M:%S", time.localtime(study.last))
    phases = [str(note.get("name")) for note in study.notes if note.get("what") == "phase"]
    if held:
        more = f" and {len(held) - 6} more" if len(held) > 6 else ""
        return f"working on {', '.join(f'#{number}' for number in held[:6])}{more}, last news at {at}"
    ended = {"judge": "finished", "interrupted": "interrupted"}.get(phases[-1] if phases else "")
    return f"{ended} at {at}" if ended else f"last news at {at}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    live: Live

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of an answer is no error."""


class _Handler(BaseHTTPRequestHandler):
    timeout = 10
    server: _Server

    def do_GET(self) -> None:
        live = self.server.live
        if not self._from_here():
            return self._answer(403, "this page is served to 127.0.0.1 only")
        if not hmac.compare_digest(self.path.encode(), f"/{live.token}/".encode()):
            return self._answer(404, "nothing is here; use the address that nasmyth printed")
        try:
            tag, page = live.page()
        except NasmythError as error:
            return self._answer(500, f"the study cannot be read now: {error}")
        if self.headers.get("If-None-Match") == tag:
            return self._answer(304, "", ETag=tag)
        return self._answer(200, page, "text/html; charset=utf-8", ETag=tag)

    def _refuse(self) -> None:
        self._answer(405, "only GET is answered here", Allow="GET")

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = _refuse

    def _from_here(self) -> bool:
        """Whether the browser believes to talk to this machine, whatever port a tunnel may have given it."""
        host = self.headers.get("Host", "")
        name, _, port = host.partition(":")
        return name.lower() in HOSTS and (port.isdigit() or not port)

    def _answer(self, status: int, text: str, kind: str = "text/plain; charset=utf-8", **headers: str) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in {**_HEADERS, **headers, "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        """The name of the server: no version, of Python neither."""
        return "Nasmyth"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal is for the address, and tokens are not for logs."""


def show(where: str, port: int, say: Callable[[str], object]) -> None:
    """Serve the page of a study until Ctrl-C; `say` is given the address."""
    with Live(where, port) as live:
        say(live.url)
        live.serve()
