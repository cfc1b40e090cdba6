"""Seeded chance over all kinds of record: poor accounts, violent prices, time that jumps, rules that change, rubbish.

Beside the order flow of `flow`, which mostly goes well, this goes wrong as often as not: accounts fail, the fund and
deleveraging take over, markets are listed, halted, changed, settled, and in the end the exchange may be wound down.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from tallystick.machine.liveness import sequence
from tallystick.machine.market.funds import fund_of
from tallystick.records.items import pack_items
from tallystick.records.signing import accept, make, sign
from tallystick.schema.record_kinds import RECORDS
from tallystick.schema.record_model import Authority, RecordKind
from tallystick.state.layout import (
    CHANGE_DELAY_MS,
    KIND_DATED,
    LIQUIDATION_WAIT_MS,
    MAX_PRICE_TICKS,
    MESSAGE_FORCE_CANCEL_ALL,
    MESSAGE_FORCE_CLOSE,
    MESSAGE_FORCE_WITHDRAW,
    STALE_MS,
    WIND_DOWN_MS,
)
from tallystick.state.ordinals import MarketId
from tallystick.testing.ledger.look import positions
from tallystick.testing.scenarios.chance import order_flow as flow
from tallystick.testing.scenarios.orders.many_orders import place
from tallystick.testing.scenarios.scene import Scene
from tallystick.testing.world import address, key, sub_account

Act = Callable[[Scene, random.Random], object]
PRICE: Final = 1000
MINUTE_MS: Final = 60_000
ACCOUNTS: Final = range(1, len(flow.NAMES) + 1)
AGENT: Final = 3
TIERS: Final = {
    "initial2_ppm": 100_000,
    "maintenance2_ppm": 50_000,
    "tier2_from_millions": 1,
    "initial3_ppm": 200_000,
    "maintenance3_ppm": 90_000,
    "tier3_from_millions": 3,
    "surcharge_from_units": 10**6,
    "surcharge_to_units": 10**8,
}
JUMPS: Final = (
    *(1, 7, 400, 1_000, 1_001, 5_000, MINUTE_MS // 2, MINUTE_MS // 2, MINUTE_MS // 2, MINUTE_MS // 2),
    *(STALE_MS + 1, LIQUIDATION_WAIT_MS, 60 * MINUTE_MS, CHANGE_DELAY_MS + 1),
)


def play(scene: Scene, seed: int, records: int, kinds: Sequence[RecordKind] = RECORDS) -> None:
    """Send so many records, and what they need around them, of the walk with this seed, which meets these kinds."""
    chance = random.Random(seed)
    scene.clock()
    rules = {"liquidation_fee_ppm": 5_000, "insurance_lots": chance.choice((0, 20)), "max_lots": 400}
    scene.open_market(0, PRICE, **rules)
    scene.open_market(1, PRICE, **rules, **TIERS, quote_lots=chance.choice((3, 50)))
    dated = scene.state.registers.clock_ms + chance.choice((MINUTE_MS, 90 * MINUTE_MS))
    scene.list_market(2, kind=KIND_DATED, expiry_ms=dated, **rules)
    scene.report(2, PRICE)
    for number, name in enumerate(flow.NAMES, start=1):
        scene.deposit(name, number, chance.choice((20_000, 100_000, 10**6, 10**8)))
    acts = [partial(_anything, kinds=kinds) if act is _anything else act for act, _ in ACTS]
    weights = [weight for _, weight in ACTS]
    for i in range(records):
        chance.choices(acts, weights)[0](scene, chance)
        if i % 20 == 19:
            scene.seal()
            scene.clock()
    if chance.random() < 0.3:
        _wind_down(scene, chance)


def _market(chance: random.Random) -> int:
    return chance.choice((0, 0, 1, 1, 2, 3))


def _prices(scene: Scene, chance: random.Random) -> None:
    """Report the markets' prices, near one another, anywhere."""
    price = chance.choice((PRICE, PRICE, 990, 1010, 800, 1300, chance.randint(500, 2000)))
    if chance.random() < 0.3:
        flow.report_pairs(scene, chance, range(chance.choice((2, 3, 5))))
    for market in range(3):
        if chance.random() < 0.8:
            scene.report(market, price + chance.randint(-3, 3), tuple(range(chance.choice((2, 3, 3, 5)))))


def _jump(scene: Scene, chance: random.Random) -> None:
    scene.later(chance.choice(JUMPS))
    if chance.random() < 0.8:
        _prices(scene, chance)


def _gamble(scene: Scene, chance: random.Random) -> None:
    """Two accounts trade as much as the poorer one dares."""
    buyer, seller = chance.sample(ACCOUNTS, 2)
    market, lots = _market(chance), chance.choice((1, 5, 20, 90))
    price = PRICE + chance.randint(-20, 20)
    scene.order(seller, market, 1, price, lots, client_id=scene.state.registers.record_count)
    scene.order(buyer, market, 0, price, lots)


def _close(scene: Scene, chance: random.Random) -> None:
    """Go down the liquidation ladder with some account."""
    market = _market(chance)
    account = chance.choice((fund_of(MarketId(market)), *ACCOUNTS))
    scene.liquidate(account, market)
    scene.take_over(account, market, chance.choice((1, 5, 20, 90)))
    for candidate in chance.sample(ACCOUNTS, 2):
        scene.nominate(account, market, candidate)
    if chance.random() < 0.5:
        scene.later(chance.choice((1_000, 4_999, 5_000, 61_000)))
        if chance.random() < 0.7:
            _prices(scene, chance)
        scene.deleverage(account)


def _crash(scene: Scene, chance: random.Random) -> None:
    """Trade in calm markets, let the price jump, and close whoever fails."""
    for _ in range(chance.choice((1, 1 + LIQUIDATION_WAIT_MS // (STALE_MS // 2)))):
        scene.later(STALE_MS // 2)
        for market in range(2):
            scene.report(market, PRICE)
    for _ in range(4):
        _gamble(scene, chance)
    price = chance.choice((600, 900, 960, 1040, 1100, 1500))
    for market in range(2):
        scene.report(market, price)
    for _ in range(6):
        _close(scene, chance)


def _rules(scene: Scene, chance: random.Random) -> None:
    market, dice = chance.choice((0, 1, 2, 3)), chance.random()
    by = chance.choice(("governance", "governance", "mallory"))
    if dice < 0.4:
        more = chance.choice(({}, TIERS, {"initial_ppm": 0}, {"max_lots": 100, "quote_lots": 7}))
        scene.change_market(market, chance.choice((1, 1, 2, 3)), by, **more)
    elif dice < 0.8:
        scene.send(make("apply_change", pending=chance.choice((market, market, 80))))
    elif dice < 0.9:
        _fees(scene, chance, by)
    else:
        scene.list_by_record(chance.choice((0, 3, 63)), **chance.choice(({}, {"kind": KIND_DATED}, {"multiplier": 0})))
        scene.report(3, PRICE)


def _fees(scene: Scene, chance: random.Random, by: str) -> None:
    """Name an account for the fees, or nobody's; pay the fees out, and top a fund up."""
    account, change = chance.choice((0, 1, 3, 77)), chance.choice((1, 2))
    if chance.random() < 0.1:
        scene.send(scene.signed("delist", by, market=chance.choice((1, 2, 3))))
    scene.send(scene.signed("change_fee_account", by, account=account, change=change))
    scene.send(make("sweep"))
    scene.send(make("top_up", market=chance.choice((0, 1, 3))))


def _settle(scene: Scene, chance: random.Random) -> None:
    for account in ACCOUNTS:
        scene.send(make("settle_position", account=account, market=chance.choice((0, 2, 2))))
    scene.settle_account(chance.choice(ACCOUNTS))


def _agent(scene: Scene, chance: random.Random) -> None:
    account, clock = chance.choice(ACCOUNTS), scene.state.registers.clock_ms
    values = {"account": account, "nonce": scene.next_nonce(account)}
    if chance.random() < 0.5:
        agent = int.from_bytes(address("agent"), "big") * chance.choice((1, 1, 0))
        expiry = chance.choice((0, clock, clock + MINUTE_MS))
        more = {"slot": AGENT, "key": agent, "scope": chance.randint(0, 3), "expiry_ms": expiry}
        scene.send(scene.signed("approve_agent", flow.NAMES[account - 1], **values, **more))
        return
    more = {"agent": AGENT, "price_ticks": PRICE - 5, "lots": 1}
    scene.send(scene.signed("order", "agent", **values, **more))


def _forced(scene: Scene, chance: random.Random) -> None:
    account = chance.choice((*ACCOUNTS, sub_account(1, 1)))
    by = flow.NAMES[account - 1] if account in ACCOUNTS and chance.random() < 0.8 else "mallory"
    kind = chance.choice((MESSAGE_FORCE_CLOSE, MESSAGE_FORCE_CLOSE, MESSAGE_FORCE_WITHDRAW, MESSAGE_FORCE_CANCEL_ALL))
    price = chance.choice((1, PRICE, MAX_PRICE_TICKS))
    lots = chance.choice((0, 1, 1000))
    amount = _market(chance) << 56 | price << 32 | lots if kind == MESSAGE_FORCE_CLOSE else chance.choice((0, 7, 10**9))
    scene.queue(kind, by, account, amount)
    scene.consume()


def _sub(scene: Scene, chance: random.Random) -> None:
    """Give a sub-account cash, and trade there."""
    account = chance.choice(ACCOUNTS)
    sub = sub_account(account, chance.randint(1, 2))
    scene.transfer(account, sub, chance.choice((0, 5_000, 50_000)))
    scene.owners.setdefault(sub, flow.NAMES[account - 1])
    scene.order(sub, _market(chance), chance.randrange(2), PRICE, chance.choice((1, 3)))


def _anything(scene: Scene, chance: random.Random, kinds: Sequence[RecordKind] = RECORDS) -> None:
    """Send a well-formed record of any kind with any numbers, signed by whoever may sign it, now and then through L1."""
    kind = chance.choice(kinds)
    send = scene.force if chance.random() < 0.3 else scene.send
    values = {field.name: _number(field.limit, chance) for field in kind.fields}
    account = chance.choice(ACCOUNTS)
    if "account" in values:
        values["account"] = chance.choice((account, account, account, values["account"]))
    if "nonce" in values and chance.random() < 0.9:
        values["nonce"] = scene.next_nonce(account)
    if "sequence" in values:
        values["sequence"] = chance.choice((values["sequence"], chance.randint(0, 2 * sequence(scene.state.registers))))
    if kind.authority is Authority.NOBODY:
        send(make(kind.name, **values))
        return
    if kind.acceptance:
        values["taker"] = chance.choice((*ACCOUNTS, values["taker"]))
        values["taker_nonce"] = chance.choice((scene.next_nonce(account), values["taker_nonce"]))
    bulks = kind.name == "bulk"
    blobs = (pack_items([place(5, chance.randrange(2), PRICE, 1)]), chance.randbytes(5)) if bulks else ()
    by = key(chance.choice((_signer(kind, account, values), "mallory")))
    record = sign(make(kind.name, *blobs, **values), scene.state.registers.domain, by)
    if kind.acceptance:
        taker = flow.NAMES[values["taker"] - 1] if values["taker"] in ACCOUNTS else "mallory"
        record = accept(record, scene.state.registers.domain, key(taker))
    send(record)


def _block(scene: Scene, chance: random.Random) -> None:
    """Two accounts trade beside the book, at any price, some of what they hold or more."""
    maker, taker = chance.sample(ACCOUNTS, 2)
    clock = scene.state.registers.clock_ms
    price = chance.choice((PRICE, PRICE, PRICE + chance.randint(-90, 90), chance.randint(0, 2 * PRICE)))
    more = {"market": _market(chance), "reduces": chance.choice((0, 0, 0, 1, 2, 3))}
    more |= {"counterparty": chance.choice((0, taker)), "expiry_ms": chance.choice((0, 0, 0, clock, clock + 1))}
    offer = scene.offer(
        maker, more.pop("market"), chance.randrange(2), price, chance.choice((1, 2, 5, 20, 90, 401)), **more
    )
    record = scene.accepted(offer, taker)
    if chance.random() < 0.4:
        scene.force(record)
    else:
        scene.send(record)


def _leave(scene: Scene, chance: random.Random) -> None:
    """Two who hold positions against each other close them, through L1 as often as not, whatever prices do."""
    state = scene.state
    held = {account: positions(state, account) for account in ACCOUNTS}
    pairs = [
        (seller, buyer, market)
        for seller in ACCOUNTS
        for market, lots in held[seller].items()
        for buyer in ACCOUNTS
        if lots > 0 > held[buyer].get(market, 0)
    ]
    if not pairs:
        return
    seller, buyer, market = chance.choice(pairs)
    lots = min(held[seller][market], -held[buyer][market])
    offer = scene.offer(seller, market, 1, PRICE + chance.randint(-90, 90), chance.choice((1, lots, lots)))
    record = scene.accepted(offer, buyer)
    if chance.random() < 0.7:
        scene.later(STALE_MS + 1)
        scene.send(record)
    scene.force(record)


def _number(limit: int, chance: random.Random) -> int:
    return min(limit, chance.choice((0, 1, 2, 5, PRICE, limit, chance.randint(0, limit))))


def _signer(kind: RecordKind, account: int, values: dict[str, int]) -> str:
    if kind.authority is Authority.GOVERNANCE:
        return "governance"
    if kind.authority is Authority.PRICE_SIGNER:
        return f"signer {values['signer'] % 5}"
    return flow.NAMES[account - 1]


def _wind_down(scene: Scene, chance: random.Random) -> None:
    """Let prices stop for good and pay everybody, some late, some twice."""
    for wait in (WIND_DOWN_MS, 1, WIND_DOWN_MS):
        scene.later(wait)
        for account in chance.choices((0, *ACCOUNTS), k=8):
            scene.settle_account(account)
            _gamble(scene, chance)
            scene.withdraw(chance.choice(ACCOUNTS), 1)


ACTS: Final[tuple[tuple[Act, int], ...]] = (
    (flow.act, 30),
    (_gamble, 14),
    (_close, 6),
    (_crash, 4),
    (_prices, 10),
    (_anything, 10),
    (_jump, 6),
    (_rules, 4),
    (_agent, 4),
    (_forced, 4),
    (_sub, 3),
    (_block, 6),
    (_leave, 2),
    (_settle, 2),
)
"""What may come next, and how often."""
