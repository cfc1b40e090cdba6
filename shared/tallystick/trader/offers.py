"""Offers of block trades as they hang anywhere: in a file, in a chat, on L1; and what they say."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from tallystick.drawing import counted, spoken
from tallystick.errors import BadInput
from tallystick.ports import Chance
from tallystick.records.codec import BY_NAME, Record, decode, encode
from tallystick.records.market_names import market_name, read_signed
from tallystick.records.signing import accept, acceptance_digest, digest, recover
from tallystick.schema.record_kinds import SIGNATURE_BYTES
from tallystick.state.layout import (
    BLOCK_MAKER_REDUCES,
    BLOCK_TAKER_REDUCES,
    BUY,
    NONCE_WORD_BITS,
)
from tallystick.state.ordinals import AccountId, SignedMarket, UnixMs

KIND: Final = "block_trade"
HINT: Final = "the text that begins with 0x, a file with it, or - for standard input; `trader block offer` makes one"


def apart(next_nonce: int, chance: Chance) -> int:
    """Return a nonce for what is to hang for a while: in the next word of the window, out of the next records' way.

    Using it leaves the account's newest nonces in the window, so that nothing on its way is lost.
    """
    return (next_nonce // NONCE_WORD_BITS + 1) * NONCE_WORD_BITS + chance.below(NONCE_WORD_BITS)


def to_text(record: Record) -> str:
    """Return an offer, or the block trade it has become, as one word."""
    return "0x" + encode(record).hex()


def from_text(given: str) -> Record:
    """Read an offer or a block trade from a word, a file, or standard input.

    Raises: BadInput when it is none.
    """
    text = given.strip()
    if text == "-":
        text = sys.stdin.read().strip()
    elif not text.startswith("0x"):
        try:
            text = Path(given).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            raise BadInput("neither an offer nor a file with one", hint=HINT, given=given[:80]) from None
    try:
        record = decode(bytes.fromhex(text.removeprefix("0x")))
    except ValueError:
        raise BadInput("an offer is hexadecimal", hint=HINT) from None
    if not isinstance(record, Record) or record.kind.name != KIND:
        raise BadInput("these bytes are no block trade", hint=HINT)
    return record


def to_accept(offer: Record, account: AccountId, now_ms: UnixMs) -> None:
    """Check that an account may accept an offer at a time.

    Raises: BadInput, saying why not.
    """
    if offer.value("account") == account:
        raise BadInput("the offer is your own account's", hint="send it to somebody else", account=account)
    counterparty = offer.value("counterparty")
    if counterparty not in (0, account):
        raise BadInput("the offer is to another account", hint="--account, --sub", to=counterparty, account=account)
    if 0 < offer.value("expiry_ms") <= now_ms:
        raise BadInput("the offer has ended; ask for a new one", ended=spoken(offer.value("expiry_ms")))


def accepted(offer: Record, account: AccountId, agent: int, nonce: int, domain: bytes, key: bytes) -> Record:
    """Return the block trade that an account makes of an offer, signed by a key."""
    given = {"taker": account, "taker_agent": agent, "taker_nonce": nonce}
    names = [field.name for field in BY_NAME[KIND].fields]
    values = tuple(given.get(name, value) for name, value in zip(names, offer.values, strict=True))
    return accept(replace(offer, values=values), domain, key)


def signers(record: Record, domain: bytes) -> tuple[bytes, bytes]:
    """Return who has signed a block trade: the address that offers, the one that accepts.

    Raises: BadInput when it is still an offer, or nobody can have signed it.
    """
    if len(record.blobs[0]) != SIGNATURE_BYTES:
        raise BadInput("nobody has accepted this offer yet", hint="`trader block accept OFFER --out FILE` first")
    maker = recover(digest(record, domain), record.signature)
    taker = recover(acceptance_digest(record, domain), record.blobs[0])
    if maker is None or taker is None:
        raise BadInput("a signature is nobody's", hint="was the text cut or changed on the way?")
    return maker, taker


def terms_text(record: Record) -> str:
    """Return what a block trade says, in a sentence."""
    verb, way = ("buys", "from") if record.value("side") == BUY else ("sells", "to")
    who = "anybody"
    if record.blobs[0]:
        who = f"account {record.value('taker')}"
    elif record.value("counterparty"):
        who = f"account {record.value('counterparty')} only"
    maker = record.value("account")
    market = market_name(*read_signed(SignedMarket(record.value("market"))))
    said = f"account {maker} {verb} {counted(record.value('lots'), 'lot')} of market {market} "
    said += f"at {record.value('price_ticks')} {way} {who}; it ends: {spoken(record.value('expiry_ms'))}"
    reduces = record.value("reduces")
    if reduces & BLOCK_MAKER_REDUCES:
        said += f"; account {maker} must only reduce a position"
    if reduces & BLOCK_TAKER_REDUCES:
        said += "; who accepts must only reduce a position"
    return said
