"""What a signer would do, done once and without sending anything."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tallystick.errors import TallystickError
from tallystick.l1.deployment import load_deployment
from tallystick.l1.sending.keys import KeyFile
from tallystick.l1.sending.signer import RemoteKey
from tallystick.ports import Clock
from tallystick.price_signer.delivery.making import report_record
from tallystick.price_signer.delivery.signatory import domain_of, load_signatory, number_in
from tallystick.price_signer.gathering.asking import Asker
from tallystick.price_signer.gathering.pricing import Priced, priced
from tallystick.price_signer.gathering.source_quotes import Quotes
from tallystick.price_signer.gathering.sources import MarketSources, askings
from tallystick.shapes.routes import INFO, MARKETS
from tallystick.state.ordinals import MarketId, UnixMs
from tallystick.transport import Transport


def gathered(markets: tuple[MarketSources, ...], clock: Clock) -> list[Priced]:
    """Ask every source once and return the price of each market."""
    quotes = Quotes(markets, clock)
    asyncio.run(Asker(quotes, clock).ask_once(askings(markets)))
    return [priced(each, quotes.of(each.market), clock.monotonic()) for each in markets]


def rehearsed(
    key: KeyFile | RemoteKey, deployment: Path, operators: Sequence[str], found: Sequence[Priced], clock: Clock
) -> list[str]:
    """Sign what was found, ask the operators whether they would know what to do with it, and return what is wrong.

    Raises: ConfigError, BadInput for a key that is no signer's, L1Error for a remote signer that does not sign.
    """
    record = load_deployment(deployment)
    signatory = load_signatory(key, record, clock)
    number = number_in(signatory.address, record)
    prices = {each.market: each.ticks for each in found if each.ticks is not None}
    signatory.sign(report_record(number, UnixMs(int(clock.now() * 1000)), prices))
    domain = "0x" + domain_of(record).hex()
    return [problem for url in operators for problem in _doubts(url, domain, set(prices))]


def _doubts(url: str, domain: str, markets: set[MarketId]) -> list[str]:
    try:
        with Transport(url) as transport:
            if transport.ask(INFO).domain != domain:
                return [f"{transport.endpoint}: this operator is another deployment's"]
            listed = {each.market for each in transport.ask(MARKETS).markets}
            return [f"{transport.endpoint}: it has no market {each}" for each in sorted(markets - listed)]
    except TallystickError as error:
        return [str(error)]
