"""A development chain in the same process is asked without HTTP: most of what a scene takes would be sockets.

What is asked, and what is answered, are the same bytes. The tests of the transport itself, and all that goes through a
relay or to another process, take the road over HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from web3 import HTTPProvider
from web3.types import RPCEndpoint, RPCResponse

from tallystick.l1.client import http_client as client
from tallystick.l1.dev.dev_server import DevServer
from tallystick.l1.dev.rpc import Rpc

_CHAINS: Final[dict[str, Rpc]] = {}
"""The chains that run in this process, by their URL."""


class NearProvider(HTTPProvider):  # type: ignore[misc]  # web3 says nothing of its types
    """Asks a chain of this process directly, and any other over HTTP."""

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        chain = _CHAINS.get(str(self.endpoint_uri))
        if chain is None:
            return super().make_request(method, params)
        answer: RPCResponse = json.loads(chain.handle(self.encode_rpc_request(method, params)) or b"null")
        return answer

    def make_batch_request(self, batch_requests: list[tuple[RPCEndpoint, Any]]) -> list[RPCResponse] | RPCResponse:
        chain = _CHAINS.get(str(self.endpoint_uri))
        if chain is None:
            return super().make_batch_request(batch_requests)
        answers: list[RPCResponse] = json.loads(chain.handle(self.encode_batch_rpc_request(batch_requests)) or b"null")
        return answers


@contextmanager
def near_chains() -> Iterator[None]:
    """Let whoever asks a chain of this process ask it directly."""
    start, close = DevServer.start, DevServer.close

    def open_near(server: DevServer) -> DevServer:
        _CHAINS[server.url] = server.rpc
        return start(server)

    def close_near(server: DevServer) -> None:
        _CHAINS.pop(server.url, None)
        close(server)

    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(DevServer, "start", open_near)
        changed.setattr(DevServer, "close", close_near)
        changed.setattr(client, "HTTPProvider", NearProvider)
        yield
