"""What may be wrong with a record: its frame, its encoding, its signature, its nonce, its agent."""

from __future__ import annotations

import rlp

from tallystick.records.codec import Record, encode
from tallystick.records.items import pack_slots
from tallystick.records.signing import HALF_ORDER, domain_separator, make, sign
from tallystick.schema.names import Outcome
from tallystick.state.cells import set_config_quorum, set_config_signers
from tallystick.state.hashing import keccak
from tallystick.state.layout import FLAG_STP_BOTH
from tallystick.state.ordinals import SignerNumber
from tallystick.testing.scenarios.scene import Scene, frame
from tallystick.testing.world import address, key

GROUP_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def broken_frames(scene: Scene) -> None:
    """Frames that are empty, short, cut off or reach beyond the chunk, first or behind good records."""
    good = frame(scene.clock_record())
    short = frame(encode(make("clean", pack_slots(1))))
    for tail in (b"\0\0", b"\0", b"\xff\xff\x01", b"\0\x02\x01", b"\0\0" + good, short, frame(bytes(11)), good[:-1]):
        scene.post(scene.header() + tail)
        scene.post(scene.header() + good + tail)


def unknown_records(scene: Scene) -> None:
    """Kinds that do not exist."""
    for data in (b"\0", b"\x7f", b"\xff\xc0", bytes(100), b"\x7f" + to_rlp([b"\x01"])):
        assert scene.send(data) is Outcome.UNKNOWN_RECORD


def malformed_records(scene: Scene) -> None:
    """Every way in which a list of strings is not canonical, flat, or of the right length."""
    long = bytes([7] * 56)
    for body in (
        "", "80", "c0", "c101c0", "c20101", "c101" + "01", "c201", "f80101", "f801" + "01", "f90001",
        "f9003801" + "01" * 55, "f80001", "f8", "f9", "f938", "fa000038" + "01" * 56, "ff" + "00" * 8,
        "ffffffffffffffffff", "c1c0", "c2c101", "c28105", "c27f01", "c3b80105", "c4b9000105", "c281", "c3820105" + "07",
        "c38301" + "02", "c100", "c3820005", "c9880000000000000001", "b8" + "38" + "00" * 56, "f838", "bf" + "ff" * 8,
        "c1ff", "c1f8", "c1b8", "c2b838", "c1bf", "c3ba0000" , "f83a" + "b83700" + "00" * 55,
    ):  # fmt: skip
        assert scene.send(b"\x01" + bytes.fromhex(body)) is Outcome.MALFORMED, body
    assert scene.send(b"\x01" + to_rlp([b"\x01"] * 3000)) is Outcome.MALFORMED
    assert scene.send(b"\x03" + to_rlp([b"\x01"] * 12)) is Outcome.MALFORMED
    assert scene.send(b"\x01" + to_rlp([[b"\x01"]])) is Outcome.MALFORMED
    assert scene.send(b"\x01" + b"\xf8\x3a\xb8\x38" + long) is Outcome.OUT_OF_RANGE


def padded_records(scene: Scene) -> None:
    """Short records filled up with zeros, with anything else, too far, or not at all; behind a false one the chunk ends."""
    clean = encode(make("clean", pack_slots(5)))
    exact = b"\x01" + to_rlp([(scene.time * 1000).to_bytes(8, "big").lstrip(b"\0")])
    assert scene.send(clean) is Outcome.NO_SUCH_ORDER
    good = frame(clean.ljust(12, b"\0"))
    for data in (
        clean.ljust(11, b"\0") + b"\1",
        clean + b"\1" + bytes(11 - len(clean)),
        clean.ljust(13, b"\0"),
        clean.ljust(300, b"\0"),
        exact.ljust(13, b"\0"),
        b"\x10" + bytes(11),
        b"\x7f" + bytes(11),
        bytes(12),
        b"\x03" + bytes(11),
        b"\x16\xc6\x85" + bytes([255] * 5) + bytes(4),
        b"\x11\xcb" + bytes([1] * 10),
    ):
        before = scene.state.registers.record_count
        scene.post(scene.header() + good + frame(data) + good + good)
        assert scene.state.registers.record_count == before + 2, data.hex()
    before = scene.state.registers.record_count
    scene.post(scene.header() + good + frame(exact.ljust(12, b"\0")) + good)
    assert scene.state.registers.record_count == before + 3


def values_out_of_range(scene: Scene) -> None:
    """Numbers one above their limit or too long, signatures and addresses of another length; errors in both orders."""
    for item in (bytes([1] * 9), b"\x40" + bytes(7), bytes([255] * 8), bytes([1] * 56), bytes([1] * 300)):
        assert scene.send(b"\x01" + to_rlp([item])) is Outcome.OUT_OF_RANGE
    assert scene.send(b"\x01" + to_rlp([b"\x3f" + bytes([255] * 7)])) is Outcome.CLOCK_OUT_OF_BOUND
    order = [b"\x01", b"", b"", b"", b"", b"", b"\x05", b"\x05", b"", b"", bytes(64)]
    limits = {0: b"\x01" + bytes(4), 1: b"\x10", 3: b"\x01" + bytes(2), 4: b"\x02", 5: b"\x80", 6: b"\x01" + bytes(3)}
    for i, value in limits.items():
        assert scene.send(b"\x03" + _changed(order, {i: value})) is Outcome.OUT_OF_RANGE
    assert scene.send(b"\x0b" + to_rlp([b"\x01", b"\x40"])) is Outcome.OUT_OF_RANGE
    both = {0: b"\0", 1: b"\x10"}
    assert scene.send(b"\x03" + _changed(order, both)) is Outcome.MALFORMED
    assert scene.send(b"\x03" + _changed(order, {0: limits[0], 1: b"\0"})) is Outcome.OUT_OF_RANGE
    for length in (0, 1, 63, 65):
        assert scene.send(b"\x03" + _changed(order, {10: bytes(length), 0: limits[0]})) is Outcome.MALFORMED
    withdraw = [b"\x01", b"", b"\x05", bytes(20), bytes(64)]
    for length in (0, 19, 21):
        assert scene.send(b"\x05" + _changed(withdraw, {3: bytes(length)})) is Outcome.MALFORMED
    assert scene.send(b"\x05" + _changed(withdraw, {0: limits[0], 3: b""})) is Outcome.OUT_OF_RANGE
    assert scene.send(b"\x04" + _changed([*order[:5], bytes(64)], {4: b"\x10" + bytes(4)})) is Outcome.OUT_OF_RANGE


def signatures(scene: Scene) -> None:
    """Signatures that nobody can have made, that were made twice, or for another exchange."""
    scene.trading("alice", "bob")
    good = scene.signed("order", "alice", account=1, nonce=1, price_ticks=990, lots=1)
    r, vs = good.signature[:32], int.from_bytes(good.signature[32:], "big")
    s, parity = vs & ((1 << 255) - 1), vs >> 255
    forged = [
        bytes(64),
        bytes(32) + good.signature[32:],
        r + bytes(32),
        r + (1 << 255).to_bytes(32, "big"),
        # Above half of the group's order, which any key could sign with: only the rule against high s refuses these.
        r + (HALF_ORDER + 1).to_bytes(32, "big"),
        r + ((1 << 255) - 1).to_bytes(32, "big"),
        r + ((1 << 256) - 1).to_bytes(32, "big"),
        bytes([255] * 32) + good.signature[32:],
        GROUP_ORDER.to_bytes(32, "big") + good.signature[32:],
        bytes([255] * 64),
        (5).to_bytes(32, "big") + good.signature[32:],
    ]
    for signature in forged:
        record = Record(kind=good.kind, values=good.values, signature=signature)
        assert scene.send(record) is Outcome.BAD_SIGNATURE
    flipped = r + (s | (1 - parity) << 255).to_bytes(32, "big")
    assert scene.send(Record(kind=good.kind, values=good.values, signature=flipped)) is Outcome.NOT_AUTHORISED
    unsigned = make("order", account=1, nonce=1, price_ticks=990, lots=1)
    for chain_id, rollup in ((1338, address("rollup")), (1337, address("another rollup"))):
        record = sign(unsigned, domain_separator(chain_id, rollup.hex()), key("alice"))
        assert scene.send(record) is Outcome.NOT_AUTHORISED
    assert (
        scene.send(scene.signed("order", "bob", account=1, nonce=1, price_ticks=990, lots=1)) is Outcome.NOT_AUTHORISED
    )
    assert scene.send(scene.signed("order", "bob", account=9, nonce=1, price_ticks=990, lots=1)) is Outcome.NO_ACCOUNT
    assert scene.send(scene.signed("withdraw", "bob", account=1, nonce=1)) is Outcome.NOT_AUTHORISED
    assert scene.send(scene.signed("list_market", "bob", market=1)) is Outcome.NOT_AUTHORISED
    for signer in (1, 15):
        record = scene.reported({0: 5}, signer, 0, "signer 0")
        assert scene.send(record) is Outcome.NOT_AUTHORISED
    assert scene.send(good) is Outcome.ACCEPTED


def nonces(scene: Scene) -> None:
    """Nonces in, behind and ahead of the window, used once and twice."""
    scene.trading("alice")

    def use(nonce: int) -> Outcome:
        return scene.send(scene.signed("cancel", "alice", account=1, nonce=nonce, slot=1))

    fresh, used, out = Outcome.NO_SUCH_ORDER, Outcome.NONCE_USED, Outcome.NONCE_RANGE
    steps = [
        (5, fresh), (5, used), (0, fresh), (127, fresh), (128, fresh), (5, used), (6, fresh), (6, used), (128, used),
        (255, fresh), (385, fresh), (255, out), (256, fresh), (383, fresh), (127, out), (0, out), (384, fresh),
        (385, used), ((3 + 1024) * 128 + 127, fresh), (386, out), ((2 * 1024 + 4) * 128, out), ((1 << 62) - 1, out),
        (1026 * 128, fresh), (1026 * 128, used), (1025 * 128 + 127, out),
    ]  # fmt: skip
    for nonce, expected in steps:
        assert use(nonce) is expected, nonce


def agents(scene: Scene) -> None:
    """Agents with every scope, an expiry, another key, and none; approved, replaced and revoked."""
    scene.trading("alice", "bob")

    def approve(slot: int, who: str, scope: int, expiry: int = 0) -> Outcome:
        agent = int.from_bytes(address(who), "big") if who else 0
        values = {"nonce": scene.next_nonce(1), "slot": slot, "key": agent, "scope": scope, "expiry_ms": expiry}
        return scene.send(scene.signed("approve_agent", "alice", account=1, **values))

    def order(slot: int, who: str, kind: str = "order", **more: int) -> Outcome:
        values = {"agent": slot, "nonce": scene.next_nonce(1), "price_ticks": 990, "lots": 1, **more}
        return scene.send(scene.signed(kind, who, account=1, **values))

    def cancel(slot: int, who: str) -> Outcome:
        return scene.send(scene.signed("cancel", who, account=1, agent=slot, nonce=scene.next_nonce(1), slot=64))

    assert approve(0, "agent", 3) is Outcome.OUT_OF_RANGE
    assert approve(1, "agent", 1) is Outcome.ACCEPTED
    assert approve(15, "canceller", 2, scene.state.registers.clock_ms + 1) is Outcome.ACCEPTED
    assert approve(2, "powerless", 0) is Outcome.ACCEPTED
    assert (order(1, "agent"), cancel(1, "agent")) == (Outcome.ACCEPTED, Outcome.AGENT_SCOPE)
    assert order(1, "agent", side=1, flags=FLAG_STP_BOTH) is Outcome.SELF_TRADE
    assert order(1, "agent", "conditional", trigger_ticks=990) is Outcome.ACCEPTED
    assert order(1, "agent", "conditional", trigger_ticks=990, pair=7) is Outcome.AGENT_SCOPE
    assert (order(15, "canceller"), cancel(15, "canceller")) == (Outcome.AGENT_SCOPE, Outcome.ACCEPTED)
    assert order(2, "powerless") is Outcome.AGENT_SCOPE
    assert order(2, "agent") is Outcome.NOT_AUTHORISED
    assert order(3, "agent") is Outcome.NOT_AUTHORISED
    assert order(1, "alice") is Outcome.NOT_AUTHORISED
    scene.clock(ahead_ms=1)
    assert cancel(15, "canceller") is Outcome.AGENT_EXPIRED
    used = scene.nonces[1]
    again = scene.signed("order", "agent", account=1, agent=1, nonce=used - 5, price_ticks=990, lots=1)
    assert scene.send(again) is Outcome.NONCE_USED
    assert approve(1, "", 0) is Outcome.ACCEPTED
    assert order(1, "agent") is Outcome.NOT_AUTHORISED
    scene.send(scene.signed("order", "bob", account=7, agent=1, nonce=0, price_ticks=990, lots=1))


def widest_config(scene: Scene) -> None:
    """Sixteen signers and a quorum of sixteen."""
    base = scene.state.config.open(0)
    for i in range(16):
        set_config_signers(scene.state.config.words, base, SignerNumber(i), address(f"signer {i}"))
    set_config_quorum(scene.state.config.words, base, 16)
    scene.state.config.mark(0)
    scene.cut()
    scene.clock()
    scene.list_market(63)
    for i in range(16):
        price = 5 + int.from_bytes(keccak(bytes([i]))[:2], "big")
        scene.report(63, price, (i,))


def _changed(items: list[bytes], changes: dict[int, bytes]) -> bytes:
    encoded: bytes = to_rlp([changes.get(i, item) for i, item in enumerate(items)])
    return encoded


def replayed_record(scene: Scene) -> None:
    """The same signed record twice in one batch."""
    scene.trading("alice")
    record = encode(scene.signed("order", "alice", account=1, nonce=3, price_ticks=990, lots=1))
    assert [scene.send(record), scene.send(record)] == [Outcome.ACCEPTED, Outcome.NONCE_USED]


SCENARIOS = (
    broken_frames,
    unknown_records,
    malformed_records,
    padded_records,
    values_out_of_range,
    signatures,
    nonces,
    agents,
    widest_config,
    replayed_record,
)


def to_rlp(items: object) -> bytes:
    """Return the RLP of strings and lists."""
    encoded: bytes = rlp.encode(items)  # pyright: ignore[reportAssignmentType] -- the library says less than it does
    return encoded
