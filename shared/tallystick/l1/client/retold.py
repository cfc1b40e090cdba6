"""The past as one endpoint tells it, to be believed when the contracts' own commitments say the same.

Proving a year of a busy chain block by block takes days, for the bloom of a full block rules nothing out. What the
contracts hold commits to all of it: the chain of messages, the hash of each batch, the name of each assertion, the
state of each edge. So one endpoint is asked for the logs, and a quorum for what commits to them.
"""

from collections.abc import Sequence

from tallystick.errors import L1Error
from tallystick.l1.client.endpoints import Endpoint, Endpoints, Unusable
from tallystick.l1.client.values import RawLog
from tallystick.state.ordinals import BlockNumber


class EndpointClaim:
    """What one of several endpoints says."""

    def __init__(self, endpoints: Endpoints, endpoint: Endpoint) -> None:
        self.name = endpoint.name
        self._endpoints = endpoints
        self._endpoint = endpoint

    def logs(self, addresses: Sequence[bytes], first_block: BlockNumber, last_block: BlockNumber) -> list[RawLog]:
        """What it says the contracts logged in a range of blocks, in chain order.

        Raises: L1Error, when it does not say.
        """
        try:
            return self._endpoints.ask(
                self._endpoint, lambda client: client.logs(list(addresses), first_block, last_block)
            )
        except Unusable as error:
            self._endpoint.failed_claims += 1
            raise L1Error("an endpoint does not tell the past", endpoint=self.name) from error
        except L1Error:
            self._endpoint.failed_claims += 1
            self._endpoint.refuses_claims = True
            raise

    def refute(self, what: str) -> None:
        """Note that what it said is false; the next claim is another endpoint's."""
        self._endpoints.caught(self._endpoint, what)
