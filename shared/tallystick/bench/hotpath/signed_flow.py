"""The exchange that is measured, and what its traders sign: made beforehand, so that signing is not what is timed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

import coincurve

from tallystick.bench.workload import PRICE, SPREAD
from tallystick.records.codec import Record, encode
from tallystick.records.items import ITEM_PLACE, Item, pack_items, pack_pairs
from tallystick.records.signing import make, sign
from tallystick.rollup.genesis import Genesis
from tallystick.state.hashing import keccak
from tallystick.state.layout import BUY, MESSAGE_DEPOSIT, SELL
from tallystick.state.ordinals import MarketId, SignedMarket, UnixMs
from tallystick.testing.world import key, listed, message, world_genesis

MARKETS: Final = 8
CASH: Final = 10**13
"""Units of each account."""
FIRST_LOTS: Final = 5
"""What each account holds before anything is measured."""
BULK: Final = 95
"""Orders of a bulk: as many as a chunk holds."""
SIGNERS: Final = 3


def genesis() -> Genesis:
    """Return what the exchange begins with."""
    return world_genesis(markets=tuple(listed(number, multiplier=10) for number in range(MARKETS)))


def trader(account: int) -> bytes:
    """Return the private key of an account's owner."""
    return key(f"trader {account}")


def deposits(accounts: int, time: int) -> list[bytes]:
    """Return the L1 messages that open accounts 1, 2, ... with cash."""
    return [message(MESSAGE_DEPOSIT, _address(trader(n)), n, CASH, time) for n in range(1, accounts + 1)]


def reports(domain: bytes, time_ms: UnixMs) -> list[Record]:
    """Return the price signers' reports of every market at a time."""
    pairs = pack_pairs({MarketId(number): PRICE for number in range(MARKETS)})
    return [
        sign(make("report_prices", pairs, signer=n, time_ms=time_ms), domain, key(f"signer {n}"))
        for n in range(SIGNERS)
    ]


def first_positions(domain: bytes, accounts: int) -> Iterator[Record]:
    """Yield an order of each account: those of two neighbours meet, so that everybody holds a position. Nonce 0."""
    for account in range(1, accounts + 1):
        terms = {"market": account // 2 % MARKETS, "price_ticks": PRICE, "lots": FIRST_LOTS}
        side = SELL if account % 2 == 0 else BUY
        yield sign(make("order", account=account, side=side, **terms), domain, trader(account))


def _item(market: int, **terms: int) -> Item:
    return Item(what=ITEM_PLACE, client_id=0, market=SignedMarket(market), **terms)


class Flow:
    """What some accounts send: orders around one price, about half of which meet another. Nonces go on from 1.

    Shape: `accounts` take turns.
    """

    def __init__(self, domain: bytes, accounts: range, seed: int) -> None:
        self._domain = domain
        self._accounts = accounts
        self._chance = random.Random(seed)
        self._nonces = dict.fromkeys(accounts, 0)
        self._turn = 0

    def singles(self, count: int) -> list[tuple[int, bytes]]:
        """Return so many orders, each with its account."""
        return [self._signed("order", **self._terms()) for _ in range(count)]

    def bulks(self, count: int) -> list[tuple[int, bytes]]:
        """Return so many bulks of BULK orders, each with its account."""
        return [self._signed("bulk", self._items()) for _ in range(count)]

    def _items(self) -> bytes:
        return pack_items([_item(**self._terms()) for _ in range(BULK)])

    def _terms(self) -> dict[str, int]:
        chance = self._chance
        return {
            "market": chance.randrange(MARKETS),
            "side": chance.choice((BUY, SELL)),
            "price_ticks": round(chance.gauss(PRICE, SPREAD)),
            "lots": chance.randint(1, 10),
        }

    def _signed(self, kind: str, *blobs: bytes, **values: int) -> tuple[int, bytes]:
        account = self._accounts[self._turn % len(self._accounts)]
        self._turn += 1
        self._nonces[account] += 1
        record = make(kind, *blobs, account=account, nonce=self._nonces[account], **values)
        return account, encode(sign(record, self._domain, trader(account)))


def _address(private: bytes) -> bytes:
    return keccak(coincurve.PrivateKey(private).public_key.format(compressed=False)[1:])[12:]
