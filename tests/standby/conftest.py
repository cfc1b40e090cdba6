"""A server of NATS for a file's tests, and a scene for each."""

from collections.abc import Iterator

import pytest

from tests.operator.conftest import scene
from tests.standby.servers import NatsServer, nats_server

__all__ = ["scene"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with nats_server(tmp_path_factory.mktemp("nats")) as running:
        yield running
