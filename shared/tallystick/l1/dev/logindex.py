"""The chain's event logs, found by address and block without walking over blocks that have none."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from tallystick.l1.dev.blocks import Log
from tallystick.state.ordinals import BlockNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which logs are wanted. An empty `addresses` and a None topic match anything."""

    first_block: BlockNumber
    last_block: BlockNumber
    addresses: frozenset[bytes] = frozenset()
    topics: tuple[frozenset[bytes] | None, ...] = ()


class LogIndex:
    """The logs of a chain, found by their address without reading all of them."""

    def __init__(self) -> None:
        self._all: list[Log] = []
        self._by_address: dict[bytes, list[Log]] = {}

    def append(self, logs: Sequence[Log]) -> None:
        """Adds the logs of a block above all the others."""
        self._all.extend(logs)
        for log in logs:
            self._by_address.setdefault(log.address, []).append(log)

    def cut(self, height: int) -> None:
        """Forgets the logs of blocks above `height`."""
        for logs in (self._all, *self._by_address.values()):
            del logs[bisect_right(logs, height, key=_block_number) :]

    def find(self, wanted: LogFilter) -> list[Log]:
        """The matching logs in chain order."""
        if wanted.addresses:
            sources = [self._by_address[address] for address in sorted(wanted.addresses) if address in self._by_address]
        else:
            sources = [self._all]
        found: list[Log] = []
        for logs in sources:
            start = bisect_left(logs, wanted.first_block, key=_block_number)
            end = bisect_right(logs, wanted.last_block, key=_block_number)
            found.extend(log for log in logs[start:end] if _topics_match(log.topics, wanted.topics))
        if len(sources) > 1:
            found.sort(key=lambda log: (log.block_number, log.log_index))
        return found


def _block_number(log: Log) -> BlockNumber:
    return log.block_number


def _topics_match(topics: tuple[bytes, ...], wanted: tuple[frozenset[bytes] | None, ...]) -> bool:
    if len(topics) < len(wanted):
        return False
    return all(options is None or topic in options for topic, options in zip(topics, wanted, strict=False))
