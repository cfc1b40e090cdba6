"""A small exchange in memory: real keys, real signatures, real records, no L1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tallystick.machine.by_record import begin_batch, ends_chunk, execute, seal_batch
from tallystick.machine.machine import Event, Machine
from tallystick.records.chunks import Chunker
from tallystick.records.codec import Record, encode
from tallystick.records.items import Item, pack_items, pack_pairs, pack_slots
from tallystick.records.signing import accept, address_of, make, sign
from tallystick.rollup.genesis import Genesis, genesis_state, list_at_once
from tallystick.schema.market_rules import RULES
from tallystick.schema.names import Outcome
from tallystick.state.cells import oracle_times_ms
from tallystick.state.hashing import keccak
from tallystick.state.layout import (
    BRAKE_MS,
    ITEM_SLOT_BYTES,
    LIQUIDATION_WAIT_MS,
    MAIN_ACCOUNT_MASK,
    MAX_BATCH_SECONDS,
    MAX_OPEN_EXPOSURE,
    MAX_OPEN_INTEREST_LOTS,
    MESSAGE_DEPOSIT,
    MESSAGE_RECORD,
    REPORT_AHEAD_MS,
    REPORT_STEP_MS,
)
from tallystick.state.ordinals import MarketId, Number, SignerNumber, UnixSeconds
from tallystick.testing.ledger.look import named, next_named
from tallystick.testing.published import Published

START = 1_700_000_000
"""Seconds: the first batch's declared time."""


def key(name: str) -> bytes:
    """Return a private key made from a name."""
    return keccak(name.encode())


def address(name: str) -> bytes:
    """Return the address of a name's key."""
    return bytes.fromhex(address_of(key(name))[2:])


def message(kind: int, sender: bytes, account: int, amount: int, time: int = START) -> bytes:
    """Return an L1 message as the Inbox packs it."""
    numbers = (account, amount, time)
    return bytes([kind]) + sender + b"".join(number.to_bytes(8, "big") for number in numbers)


def record_message(record: Record | bytes, time: int = START, sender: str = "anybody") -> bytes:
    """Return the L1 message that carries a record."""
    data = record if isinstance(record, bytes) else encode(record)
    return message(MESSAGE_RECORD, address(sender), 0, 0, time) + data


def ordinary_rules(**more: int) -> dict[str, int]:
    """Return a listing's fields: a perpetual without tiers, rebate or surcharge, but for what is given."""
    multiplier = max(more.get("multiplier", 100), 1)
    rules = {
        "multiplier": multiplier,
        "initial_ppm": 50_000,
        "maintenance_ppm": 25_000,
        "taker_fee_ppm": 500,
        "maker_fee_ppm": 100,
        "max_lots": 1_000_000,
        "max_open_interest_lots": min(MAX_OPEN_INTEREST_LOTS, MAX_OPEN_EXPOSURE // multiplier),
        "band_ppm": more.get("maintenance_ppm", 25_000) // 2,
        "quote_lots": 1,
    }
    return {**rules, **more}


def sub_account(account: int, number: int) -> int:
    """Return the id of an account's sub-account, 1 to 15."""
    return number << 28 | account


def listed(market: int, **more: int) -> tuple[int, ...]:
    """Return a listing with ordinary rules, but for what is given."""
    return make("list_market", market=market, **ordinary_rules(**more)).values


def world_genesis(
    chain_id: int = 1337, rollup: bytes | None = None, markets: tuple[tuple[int, ...], ...] = ()
) -> Genesis:
    """Return the genesis of the test world: five price signers, a quorum of three."""
    return Genesis(
        chain_id=chain_id,
        rollup=rollup or address("rollup"),
        governance=address("governance"),
        quorum=3,
        signers=tuple(address(f"signer {i}") for i in range(5)),
        markets=markets,
    )


class World:
    """A live machine with a published history.

    Records given to `send` run at once; `seal` publishes them as a batch, so that `replay` can start over from the
    published data alone.
    """

    def __init__(self, genesis: Genesis | None = None) -> None:
        self.genesis = genesis or world_genesis()
        self._given = genesis is not None
        self.published = Published()
        self.events: list[Event] = []
        self.state = genesis_state(self.genesis)
        self.machine = Machine(self.state, self.published, self.events)
        self.time = START
        self.nonces: dict[int, int] = {}
        self.owners: dict[int, str] = {}
        self._chunker: Chunker | None = None
        self._until = 0

    def fresh(self) -> Machine:
        """Return a machine at genesis over the published history."""
        return Machine(genesis_state(self.genesis), self.published)

    def send(self, record: Record | bytes) -> Outcome:
        """Run a record in the open batch, opening one that consumes no message if there is none, or it is full."""
        data = record if isinstance(record, bytes) else encode(record)
        if self._chunker is not None and not self._chunker.fits(data):
            self._seal()
        chunker = self._chunker or self.begin(self.state.registers.message_cursor)
        chunker.add(data)
        outcome = execute(self.machine, data)
        if ends_chunk(self.machine):
            chunker.end_chunk()
        return outcome

    def begin(self, message_limit: int) -> Chunker:
        """Open the next batch, which consumes the messages below a limit, at `time` or when the last one ended."""
        begin_batch(self.machine, UnixSeconds(max(self.time, self._until)), message_limit)
        self._chunker = Chunker(self.state.registers)
        return self._chunker

    def consume(self) -> Outcome:
        """Open a batch that consumes every queued message, behind the one that is open; return the last one's outcome."""
        self._seal()
        self.begin(len(self.published.messages))
        return Outcome(self.state.registers.outcome)

    def seal(self) -> None:
        """Publish the open batch, or one with a clock record; the next one is a second later."""
        if self._chunker is None:
            self.clock()
        self._seal()
        self.time += 1

    def _seal(self) -> None:
        """Publish the open batch, if there is one: none is without a record."""
        chunker = self._chunker
        if chunker is None:
            return
        registers = self.state.registers
        if not chunker.chunks:
            self.send(make("clock", clock_ms=registers.clock_ms))
        time, limit = registers.batch_time_seconds, registers.batch_message_limit
        self._until = seal_batch(self.machine)
        self.published.publish(chunker.finish(), time, limit, self._until)
        self._chunker = None

    def signed(self, kind: str, by: str, /, **values: Number) -> Record:
        """Return a record signed by a name's key."""
        return sign(make(kind, **values), self.state.registers.domain, key(by))

    def clock(self, ahead_ms: int = 0) -> Outcome:
        """Set the clock to `time` and a bit, in a batch of its own when it is too far ahead for the open one."""
        now = max(self.time * 1000 + ahead_ms, self.state.registers.clock_ms)
        if now > ((self.state.registers.batch_time_seconds or max(self.time, self._until)) + MAX_BATCH_SECONDS) * 1000:
            self._seal()
            self._until = now // 1000
        return self.send(make("clock", clock_ms=now))

    def later(self, ms: int) -> None:
        """Publish the open batch and move the clock on in the next one."""
        self.seal()
        self.time, ahead_ms = divmod(self.state.registers.clock_ms + ms, 1_000)
        self.clock(ahead_ms)

    def reopen(self, market: int, price: int) -> None:
        """Report a price after a halt, and wait until positions may be closed again."""
        self.report(market, price)
        for _ in range(3):
            self.later(LIQUIDATION_WAIT_MS // 3)
            self.report(market, price)

    def land(self, market: int, price: int) -> None:
        """Report a price, and once more when no jump to it brakes anybody any more."""
        self.report(market, price)
        self.later(BRAKE_MS)
        self.report(market, price)

    def deposit(self, name: str, account: int, amount: int) -> Outcome:
        """Queue a deposit on L1 and consume it in a batch of its own."""
        self.owners.setdefault(account, name)
        self.published.messages.append(message(MESSAGE_DEPOSIT, address(name), account, amount, self.time))
        return self.consume()

    def force(self, *records: Record | bytes) -> Outcome:
        """Queue records on L1 and consume them in a batch of their own; return what the last one ended with."""
        self.published.messages += [record_message(record, self.time) for record in records]
        return self.consume()

    def next_nonce(self, account: int) -> int:
        """Return a nonce the account has not used."""
        self.nonces[account] = self.nonces.get(account, -1) + 1
        return self.nonces[account]

    def order(self, account: int, market: int, side: int, price: int, lots: int, **more: int) -> Outcome:
        """Place an order signed by the account's owner."""
        values = {"nonce": self.next_nonce(account), "price_ticks": price, "lots": lots, **more}
        values |= {"account": account, "market": named(self.state, market), "side": side}
        return self.send(self.signed("order", self.owners[account], **values))

    def conditional(
        self, account: int, market: int, side: int, price: int, lots: int, trigger: int, **more: int
    ) -> Outcome:
        """Place an order with a trigger, 0 for none, or with a pair, signed by the account's owner."""
        values = {"nonce": self.next_nonce(account), **more}
        record = self.signed(
            "conditional",
            self.owners[account],
            account=account,
            market=named(self.state, market),
            side=side,
            price_ticks=price,
            lots=lots,
            trigger_ticks=trigger,
            **values,
        )
        return self.send(record)

    def cancel(self, account: int, client_id: int, slot: int) -> Outcome:
        """Cancel an order at a slot."""
        nonce = self.next_nonce(account)
        values = {"account": account, "nonce": nonce, "client_id": client_id, "slot": slot}
        return self.send(self.signed("cancel", self.owners[account], **values))

    def cancel_all(self, account: int) -> Outcome:
        """Cancel every order of an account."""
        return self.send(
            self.signed("cancel_all", self.owners[account], account=account, nonce=self.next_nonce(account))
        )

    def dead_man(self, account: int, time_ms: int) -> Outcome:
        """Arm an account's dead-man switch."""
        nonce = self.next_nonce(account)
        return self.send(self.signed("dead_man", self.owners[account], account=account, nonce=nonce, time_ms=time_ms))

    def clean(self, *slots: int) -> Outcome:
        """Remove dead orders; return what became of the last one."""
        return self.send(make("clean", pack_slots(*slots)))

    def settle_account(self, account: int) -> Outcome:
        """Count or pay an account's claim in a wind-down."""
        return self.send(make("settle_account", account=account))

    def withdraw(self, account: int, amount: int) -> Outcome:
        """Withdraw to the account's owner."""
        owner = self.owners[account]
        recipient = int.from_bytes(address(owner), "big")
        nonce = self.next_nonce(account)
        record = self.signed("withdraw", owner, account=account, nonce=nonce, amount_units=amount, recipient=recipient)
        return self.send(record)

    def transfer(self, account: Number, to: Number, amount: int) -> Outcome:
        """Transfer cash, signed by the owner of the account's family."""
        owner = self.owners[int(account) & MAIN_ACCOUNT_MASK]
        self.owners.setdefault(int(to), owner)
        nonce = self.next_nonce(int(account))
        return self.send(self.signed("transfer", owner, account=account, nonce=nonce, to=to, amount_units=amount))

    def bulk(self, account: int, items: list[Item], slots: list[int], **more: int) -> Outcome:
        """Send a bulk signed by the account's owner, with the slots an operator would fill in."""
        values = {"nonce": self.next_nonce(account), **more}
        packed = b"".join(slot.to_bytes(ITEM_SLOT_BYTES, "big") for slot in slots)
        record = make("bulk", pack_items(items), packed, account=account, **values)
        return self.send(sign(record, self.state.registers.domain, key(self.owners[account])))

    def offer(self, account: int, market: int, side: int, price: int, lots: int, **more: int) -> Record:
        """Return an offer of a block trade, signed by the account's owner."""
        values = {"account": account, "nonce": self.next_nonce(account), "side": side, **more}
        values["market"] = named(self.state, market)
        return self.signed("block_trade", self.owners[account], price_ticks=price, lots=lots, **values)

    def accepted(self, offer: Record, taker: int, by: str = "", **more: int) -> Record:
        """Return the block trade that an account makes of an offer, signed by its owner if nobody else is named."""
        given = {"taker": taker, "taker_nonce": self.next_nonce(taker), **more}
        names = [each.name for each in offer.kind.fields]
        values = tuple(given.get(name, value) for name, value in zip(names, offer.values, strict=True))
        return accept(replace(offer, values=values), self.state.registers.domain, key(by or self.owners[taker]))

    def block(self, maker: int, taker: int, side: int, price: int, lots: int, **more: int) -> Outcome:
        """Offer a block trade in market 0, unless another one is given, and accept it; the side is the maker's."""
        market = more.pop("market", 0)
        return self.send(self.accepted(self.offer(maker, market, side, price, lots, **more), taker))

    def liquidate(self, account: Number, market: int) -> Outcome:
        """Send a position to the book."""
        return self.send(make("liquidate", account=account, market=market))

    def take_over(self, account: Number, market: int, lots: int) -> Outcome:
        """Let the market's insurance fund take up lots of a position."""
        return self.send(make("take_over", account=account, market=market, lots=lots))

    def nominate(self, account: Number, market: int, candidate: Number) -> Outcome:
        """Nominate a candidate for a deleveraging."""
        return self.send(make("nominate_adl", account=account, market=market, candidate=candidate))

    def deleverage(self, account: Number) -> Outcome:
        """Close a position against the nominee's."""
        return self.send(make("deleverage", account=account))

    def list_market(self, market: int, **more: int) -> None:
        """List a market with ordinary rules in the genesis, late too, where nothing has named it: it takes orders at once.

        Raises: BadInput for rules that cannot stand together; RuntimeError when the genesis was given and is on L1.
        """
        if self._given:
            raise RuntimeError(f"the genesis is on L1, and has no market {market}")
        self.genesis = replace(self.genesis, markets=(*self.genesis.markets, listed(market, **more)))
        list_at_once(self.state, listed(market, **more))

    def list_by_record(self, market: int, **more: int) -> Outcome:
        """List a market with ordinary rules by governance's record: it takes orders three weeks later."""
        rules = ordinary_rules(**more)
        return self.send(self.signed("list_market", "governance", market=next_named(self.state, market), **rules))

    def change_market(self, market: int, change: int, by: str = "governance", /, **more: int) -> Outcome:
        """Propose ordinary rules, but for what is given."""
        rules = {name: value for name, value in ordinary_rules(**more).items() if name in RULES}
        return self.send(self.signed("change_market", by, market=named(self.state, market), change=change, **rules))

    def reported(self, prices: Mapping[int, int] | bytes, signer: int, time_ms: int, by: str = "") -> Record:
        """Return a signer's report of prices by market, or of bytes that are no pairs, signed by nobody else if none is named."""
        pairs = prices if isinstance(prices, bytes) else pack_pairs({MarketId(m): at for m, at in prices.items()})
        record = make("report_prices", pairs, signer=signer, time_ms=time_ms)
        return sign(record, self.state.registers.domain, key(by or f"signer {signer}"))

    def prices(self, prices: Mapping[int, int], signer: int, ahead_ms: int = 0) -> Outcome:
        """Report prices by market of one signer under one signature; return the last one's outcome."""
        return self.send(self.reported(prices, signer, self.state.registers.clock_ms + ahead_ms))

    def report(self, market: int, price: int, signers: tuple[int, ...] = (0, 1, 2)) -> Outcome:
        """Report a price of one market by some signers, a second behind their last ones; return the newest outcome."""
        return [self.prices({market: price}, i, self._until_next(market, i)) for i in signers][-1]

    def _until_next(self, market: int, signer: int) -> int:
        """Return how far ahead of the clock a signer's next report of a market is, moving the clock on where that is too far."""
        oracles = self.state.oracles
        last = oracle_times_ms(oracles.words, oracles.open(MarketId(market)), SignerNumber(signer))
        ahead = last + REPORT_STEP_MS - self.state.registers.clock_ms if last else 0
        if ahead > REPORT_AHEAD_MS:
            self.clock(self.state.registers.clock_ms - self.time * 1000 + ahead)
            return 0
        return max(0, ahead)
