"""What the data of a record costs on L1, as calldata and as blobs."""

from __future__ import annotations

from typing import Any, Final

from tallystick.drawing import Page, Title, figures, table
from tallystick.records.blob_chunks import BLOB_CHUNK_BYTES
from tallystick.records.chunks import framed
from tallystick.records.codec import encode
from tallystick.records.items import ITEM_CANCEL, ITEM_PLACE, ITEM_REPLACE, Item, pack_items, pack_pairs
from tallystick.records.signing import make, sign
from tallystick.schema.record_kinds import RECORDS
from tallystick.state.hashing import keccak
from tallystick.state.layout import (
    BLOB_CHUNKS,
    CHUNK_HEADER_BYTES,
    FRAME_HEADER_BYTES,
    ITEM_SLOT_BYTES,
    MAX_CHUNK_BYTES,
    MIN_FRAME_BYTES,
)
from tallystick.state.ordinals import MarketId, SignedMarket

FLOOR_GAS_NONZERO: Final = 40
FLOOR_GAS_ZERO: Final = 10
"""EIP-7623: what a transaction that is mostly data pays for a byte."""
BLOB_GAS: Final = 131_072
BLOB_BYTES: Final = BLOB_CHUNKS * BLOB_CHUNK_BYTES
"""EIP-4844: a blob holds 4,096 field elements, 31 free bytes each; its gas has a price of its own."""
CHUNK_BLOB_GAS: Final = BLOB_GAS // BLOB_CHUNKS
BLOBS_A_BLOCK: Final = 14
"""The target of Ethereum since January 2026 (BPO2, EIP-8135): beyond it the price of blob gas rises."""
BLOCK_SECONDS: Final = 12
STARKEX_GAS_A_TRADE: Final = 426
"""StarkEx's published cost of a perpetual trade on L1, proof and data together, for comparison."""
BULK_ORDERS: Final = 150
SINGLE_BYTES_AIM: Final = 100
BULK_BYTES_AIM: Final = 24

_TYPICAL: Final[dict[str, dict[str, int]]] = {
    "clock": {"clock_ms": 1_700_000_123_456},
    "order": {"market": 3, "side": 1, "price_ticks": 617_990, "lots": 250, "client_id": 4_711},
    "cancel": {"client_id": 4_711, "slot": 70_000},
    "withdraw": {"amount_units": 250_000_000, "recipient": 0x1F98431C8AD98523631AE4A59F267346EA31F984},
    "approve_agent": {"slot": 1, "key": 0x1F98431C8AD98523631AE4A59F267346EA31F984, "scope": 3},
    "report_prices": {"time_ms": 1_700_000_123_456},
    "transfer": {"to": (1 << 28) + 40_000, "amount_units": 250_000_000},
}


def measure() -> dict[str, Any]:
    """Return the bytes and the gas of a typical record of each kind, and of an order alone and in a bulk.

    Units: bytes with the frame and a share of the chunk's header; gas of calldata; gas of blobs, with what of a chunk no
    record fills. `blob_target_per_second` are the orders that Ethereum's target of blobs carries if all are this exchange's.
    """
    kinds = {kind.name: _costs(_record(kind.name, signed=bool(kind.authority))) for kind in RECORDS}
    single = kinds["order"]
    bulk = {name: _shared(what) for name, what in _WHATS.items()}
    chunks = BLOBS_A_BLOCK * BLOB_CHUNKS / BLOCK_SECONDS
    carried = {
        "blobs_a_block": BLOBS_A_BLOCK,
        "single": round(chunks * _fitting(single["record_bytes"])),
        "bulk": round(chunks * bulk["place"]["orders_in_a_blobs_chunk"]),
    }
    ok = single["record_bytes"] <= SINGLE_BYTES_AIM and bulk["replace"]["item_bytes"] <= BULK_BYTES_AIM
    return {
        "kinds": kinds,
        "order_single": single,
        "order_in_bulk": {"orders": BULK_ORDERS, **bulk},
        "blob_target_per_second": carried,
        "starkex_gas_a_trade": STARKEX_GAS_A_TRADE,
        "aims": {"single_bytes": SINGLE_BYTES_AIM, "bulk_bytes": BULK_BYTES_AIM},
        "ok": ok,
    }


def page(result: dict[str, Any]) -> Page:
    """Return a result for people."""
    rows = {**result["kinds"]}
    rows |= {f"bulk {name}, each": result["order_in_bulk"][name] for name in _WHATS}
    lines = [
        (name, f"{row['bytes']:.1f}", f"{row['calldata_gas']:,.0f}", f"{row['blob_gas']:,.0f}")
        for name, row in rows.items()
    ]
    titles: list[Title] = ["kind", figures("bytes"), figures("calldata gas"), figures("blob gas")]
    carried = result["blob_target_per_second"]
    starkex = f"StarkEx published {result['starkex_gas_a_trade']} gas a trade, its proof included."
    alone, bulks = carried["single"], carried["bulk"]
    target = f"Ethereum's target of {carried['blobs_a_block']} blobs a block, all of it, carries"
    return [table(titles, lines), starkex, f"{target} {alone:,} orders a second alone, {bulks:,} in bulks."]


_WHATS: Final = {"place": ITEM_PLACE, "cancel": ITEM_CANCEL, "replace": ITEM_REPLACE}


def _record(kind: str, *, signed: bool) -> bytes:
    if kind == "bulk":
        return _bulk(ITEM_PLACE)
    fields = {"account": 40_000, "nonce": 1_000_000, **_TYPICAL.get(kind, {})}
    record = make(kind)
    known = {field.name for field in record.kind.fields}
    blobs = [pack_pairs({MarketId(3): 617_990})] if kind == "report_prices" else []
    record = make(kind, *blobs, **{name: value for name, value in fields.items() if name in known})
    return encode(sign(record, bytes(32), keccak(b"trader")) if signed else record)


def _fitting(record_bytes: int) -> int:
    """Return how many records of a size fit a chunk in a blob."""
    return (BLOB_CHUNK_BYTES - CHUNK_HEADER_BYTES) // (max(record_bytes, MIN_FRAME_BYTES) + FRAME_HEADER_BYTES)


def _blob_gas(record_bytes: int) -> float:
    """Return a record's share of the chunks that it fills with others of its size; a longer one than fits is several."""
    fitting = _fitting(record_bytes)
    return CHUNK_BLOB_GAS / fitting if fitting else CHUNK_BLOB_GAS * -(-record_bytes // BLOB_CHUNK_BYTES)


def _bulk(what: int, orders: int = BULK_ORDERS) -> bytes:
    """Return a bulk of so many items that differ as those of a market maker do."""
    items = [
        Item(what=what, client_id=4_711 + i, market=SignedMarket(3), side=i & 1, price_ticks=617_990 + i, lots=250)
        for i in range(orders)
    ]
    slots = [(70_000 + i).to_bytes(ITEM_SLOT_BYTES, "big") for i in range(orders) if what != ITEM_PLACE]
    record = make("bulk", pack_items(items), b"".join(slots), account=40_000, nonce=1_000_000)
    return encode(sign(record, bytes(32), keccak(b"trader")))


def _costs(record: bytes) -> dict[str, Any]:
    frame = framed(record)
    # Its share of the header of a chunk that is full of such records.
    share = CHUNK_HEADER_BYTES / max(1, (MAX_CHUNK_BYTES - CHUNK_HEADER_BYTES) // len(frame))
    zeros = frame.count(0)
    gas = zeros * FLOOR_GAS_ZERO + (len(frame) - zeros) * FLOOR_GAS_NONZERO + share * FLOOR_GAS_NONZERO
    size = len(frame) + share
    return {
        "record_bytes": len(record),
        "bytes": round(size, 2),
        "calldata_gas": round(gas, 1),
        "blob_gas": round(_blob_gas(len(record)), 1),
    }


def _shared(what: int) -> dict[str, Any]:
    """Return the costs of one item of a bulk, with its share of signature, frame and chunk header.

    In calldata it is a bulk of BULK_ORDERS, in a blob the longest that fits its chunk.
    """
    record = _bulk(what)
    costs = {name: round(value / BULK_ORDERS, 2) for name, value in _costs(record).items()}
    fitting = max(orders for orders in range(1, BULK_ORDERS) if _fitting(len(_bulk(what, orders))))
    costs |= {"orders_in_a_blobs_chunk": fitting, "blob_gas": round(CHUNK_BLOB_GAS / fitting, 1)}
    overhead = len(encode(sign(make("bulk", account=40_000, nonce=1_000_000), bytes(32), keccak(b"trader"))))
    return {**costs, "item_bytes": (len(record) - overhead) // BULK_ORDERS}
