"""A real endpoint between a client and the chain, which can be made to lie, to lag, to fail."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from tallystick.l1.dev.rpc import Rpc

Answer = dict[str, Any]
Lie = Callable[[str, list[Any], Any], Any]
"""Method, parameters and the true result give the result that is told."""


class Relay:
    """Serves a chain's answers as `lie` changes them; while `down` it answers 503 to everything."""

    def __init__(self, rpc: Rpc) -> None:
        self.lie: Lie = lambda method, params, result: result
        self.refused: set[str] = set()
        """Methods that get an error instead."""
        self.reverting: set[str] = set()
        """Methods that get the error of a contract that refuses."""
        self.down = False
        self.asked: list[str] = []
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = b"" if relay.down else relay.answer(rpc, body)
                self.send_response(503 if relay.down else 200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.block_on_close = False
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def answer(self, rpc: Rpc, body: bytes) -> bytes:
        requests = json.loads(body)
        if isinstance(requests, list):
            return json.dumps([self._tell(rpc, request) for request in requests]).encode()
        return json.dumps(self._tell(rpc, requests)).encode()

    def _tell(self, rpc: Rpc, request: Answer) -> Answer:
        method = request["method"]
        self.asked.append(method)
        if method in self.refused | self.reverting:
            refusal = {"code": -32005, "message": "refused here"}
            revert = {"code": 3, "message": "execution reverted: no"}
            return {"jsonrpc": "2.0", "id": request["id"], "error": refusal if method in self.refused else revert}
        answer = cast(Answer, json.loads(rpc.handle(json.dumps(request).encode()) or b"null"))
        if "result" not in answer:
            return answer
        return answer | {"result": self.lie(method, cast(list[Any], request["params"]), answer["result"])}

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
