"""A client that goes on while a market of its settles and is listed again as its next series."""

from __future__ import annotations

import coincurve
import msgspec
import pytest

from tallystick.records.items import ITEM_PLACE, Item
from tallystick.records.signing import make, sign
from tallystick.schema.names import Outcome
from tallystick.shapes.market_data import Markets
from tallystick.shapes.submitting import Answer, ItemResult, Results
from tallystick.state.cells import set_market_series
from tallystick.state.hashing import keccak
from tallystick.state.layout import SERIES_SHIFT
from tallystick.state.ordinals import AccountId, MarketId, SignedMarket, UnixMs
from tallystick.testing.group_signing import sign_group
from tallystick.testing.world import World, address, key
from tallystick.trader.client import TraderClient
from tallystick_operator.api import views
from tests.trader.test_transport import Serve, reply, serve

__all__ = ["serve"]
DOMAIN = keccak(b"domain")
MARKET = 5


def listed(series: int) -> bytes:
    """Return an operator's answer when market 5 is of a series."""
    world = World()
    world.list_market(MARKET)
    set_market_series(world.state.markets.words, world.state.markets.known(MarketId(MARKET)), series)
    return reply("200 OK", msgspec.json.encode(Markets(markets=views.markets(world.state))))


def answer(outcome: Outcome, *items: Outcome) -> Answer:
    (receipt,) = sign_group(
        coincurve.PrivateKey(key("receipts")),
        DOMAIN,
        epoch=0,
        post_by=0,
        first=7,
        before=keccak(b"accumulator"),
        record_hashes=[keccak(b"record")],
    )
    return Answer(
        record_number=7,
        accumulator="0x" + keccak(b"accumulator").hex(),
        record_hash="0x" + receipt.record_hash.hex(),
        signature="",
        promise="0x" + receipt.pack().hex(),
        outcome=outcome.name,
        clock_ms=UnixMs(0),
        fills=[],
        items=[ItemResult(outcome=each.name, fills=[]) for each in items],
    )


@pytest.mark.parametrize("in_a_list", [False, True])
def test_X13_who_trades_in_bulks_learns_of_the_next_series_by_the_first_item_that_is_refused(
    serve: Serve, in_a_list: bool
) -> None:
    """The bulk itself is accepted, and only its items tell; else it would be signed for the series before for ever."""
    told = answer(Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.NO_MARKET)
    body = msgspec.json.encode(Results.of([told]) if in_a_list else told)
    url = serve([listed(0), reply("200 OK", body), listed(1)])
    client = TraderClient(
        url, key("alice"), account=AccountId(1), domain=DOMAIN, receipt_signer="0x" + address("receipts").hex()
    )
    client.next_nonce = 0
    item = Item(what=ITEM_PLACE, client_id=9, market=SignedMarket(MARKET), price_ticks=1_000, lots=1)
    assert client.named(MarketId(MARKET)) == MARKET
    if in_a_list:
        client.send_all([sign(make("bulk", account=1), DOMAIN, key("alice"))])
    else:
        client.bulk([item, item])
    assert client.named(MarketId(MARKET)) == MARKET | 1 << SERIES_SHIFT
    client.close()
