"""The embedded AWS's HTTP server: werkzeug's, with answers that arrive whole.

werkzeug writes headers and body one after the other. A Go client that has sent its whole request, but whose writing half has
not noticed yet, closes the connection when it sees headers and no body behind them; the SDK then sends the call again, although
it is done. Under load that happens to one call in a few hundred. So an answer is buffered and leaves in one write.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from werkzeug.serving import BaseWSGIServer

# Bytes. A larger answer, as a big state, takes several writes; what asks for one sends no body of its own.
_ANSWER_BUFFER = 256 * 1024


class _RequestHandler(MotoRequestHandler):
    wbufsize = _ANSWER_BUFFER
    # Of a large answer no part waits for the acknowledgement of the one before.
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            # Out of the buffer at once: the client waits a second for it before it sends the body.
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
            del self.headers["Expect"]
        super().run_wsgi()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep the log for what went wrong: an apply makes a thousand requests."""


def create_server(host: str, application: WSGIApplication) -> BaseWSGIServer:
    """Listen on a free port of a loopback address. Nothing is served until `serve_forever` is called."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    return make_server(host, 0, application, threaded=True, request_handler=_RequestHandler)
