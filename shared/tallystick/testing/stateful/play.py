"""Random trading, the machine against the independent ledger, and every run replayed at its end."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tallystick.machine.engine import halted, run
from tallystick.proof.tracer import Tracer
from tallystick.records.items import pack_slots
from tallystick.records.signing import make
from tallystick.referee.runner import TwinRunner
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    MAX_BATCH_SECONDS,
    MESSAGE_DEPOSIT,
    MESSAGE_FORCE_CANCEL_ALL,
    MESSAGE_FORCE_WITHDRAW,
)
from tallystick.testing.ledger.ledger_block import BlockLedger
from tallystick.testing.ledger.ledger_model import Agent, Order
from tallystick.testing.ledger.ledger_rules import DAY_MS
from tallystick.testing.ledger.reconcile import reconcile
from tallystick.testing.stateful import bulks
from tallystick.testing.stateful.always import Invariants
from tallystick.testing.stateful.forced_closes import Closing
from tallystick.testing.stateful.governance import DATED
from tallystick.testing.stateful.strategies import (
    ACCOUNTS,
    FLAGS,
    FUNDS,
    FUTURE,
    JUNK,
    LOTS,
    MARKETS,
    NAMES,
    OWN_OR_NOBODYS,
    POORER,
    PRICES,
    RICH,
    RULES,
    SIDES,
    SIGNERS,
    fields_of,
)
from tallystick.testing.world import World, address, message, ordinary_rules


class Exchange(Closing, Invariants, RuleBasedStateMachine):
    """The machine, live, and the ledger beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.ledger = BlockLedger(governance="governance", signers=SIGNERS, quorum=3)

    def signer(self, account: int, agent: int, honest: bool) -> str:
        if not honest:
            return "mallory"
        return f"agent {agent}" if agent else NAMES[account]

    @initialize(
        funds=st.lists(FUNDS, min_size=4, max_size=4),
        third=st.booleans(),
        lives_ms=st.sampled_from((60_000, 600_000, 7_200_000)),
    )
    def open_for_trading(self, funds: list[int], third: bool, lives_ms: int) -> None:
        dated = replace(FUTURE, expiry_ms=self.world.time * 1000 + lives_ms)
        listed = {**dict(enumerate(RULES[: 2 + third])), DATED: dated}
        for number, market in listed.items():
            self.world.list_market(number, kind=market.dated, expiry_ms=market.expiry_ms, **fields_of(market))
            self.ledger.markets[number] = deepcopy(market)
        self.ledger.open_batch(self.world.time)
        self.move_clock(0)
        for number in (0, 1):
            self.report_round(number, 1000, (0, 1, 2))
        for account, amount in enumerate([*funds, 10**9], start=1):
            self.from_l1([(MESSAGE_DEPOSIT, NAMES[account], account, amount)])

    # Records

    @rule(ahead=st.integers(-5, 2000))
    def move_clock(self, ahead: int) -> None:
        self.set_clock(max(self.ledger.clock_ms, self.world.time * 1000) + ahead)

    def set_clock(self, clock_ms: int) -> None:
        expected = self.ledger.clock(clock_ms, self.batch_time() + MAX_BATCH_SECONDS)
        self.same(self.world.send(make("clock", clock_ms=clock_ms)), expected)

    @rule(number=MARKETS, honest=st.booleans())
    def list_market(self, number: int, honest: bool) -> None:
        rules = RULES[number]
        by = "governance" if honest else "mallory"
        expected = self.ledger.list_market(by, number, deepcopy(rules))
        record = self.world.signed("list_market", by, market=number, **ordinary_rules(**fields_of(rules)))
        self.same(self.world.send(record), expected)

    def skip(self, ms: int) -> None:
        self.seal()
        clock = self.ledger.clock_ms + ms
        self.world.time = clock // 1000
        self.ledger.open_batch(self.batch_time())
        self.set_clock(clock)

    @rule(
        account=ACCOUNTS,
        market=MARKETS,
        side=SIDES,
        price=PRICES,
        lots=LOTS,
        client_id=st.integers(0, 3),
        flags=FLAGS,
        lives_ms=st.sampled_from((None, None, None, 0, 1, 500)),
        agent=st.sampled_from((0, 0, 0, 1, 2)),
        honest=st.sampled_from((True, True, True, True, False)),
        reuse=st.sampled_from((False, False, False, False, True)),
    )
    def place(
        self,
        account: int,
        market: int,
        side: int,
        price: int,
        lots: int,
        client_id: int,
        flags: int,
        lives_ms: int | None,
        agent: int,
        honest: bool,
        reuse: bool,
    ) -> None:
        expiry = 0 if lives_ms is None else self.ledger.clock_ms + lives_ms
        by = self.signer(account, agent, honest)
        nonce = self.nonce(account, reuse)
        named = self.named(market)
        wanted = Order(0, account, named, side, price, lots, client_id, expiry, flags)
        expected = self.ledger.order(by, agent, nonce, wanted)
        record = self.world.signed(
            "order",
            by,
            account=account,
            agent=agent,
            nonce=nonce,
            market=named,
            side=side,
            flags=flags,
            price_ticks=price,
            lots=lots,
            client_id=client_id,
            expiry_ms=expiry,
        )
        self.same(self.world.send(record), expected)

    @rule(
        orders=st.lists(st.tuples(ACCOUNTS, SIDES, st.integers(-4, 4), st.integers(1, 8)), min_size=4, max_size=16),
        market=st.integers(0, 1),
    )
    def trade(self, orders: list[tuple[int, int, int, int]], market: int) -> None:
        """A burst of ordinary orders near the mark, so that books fill and trade."""
        mark = self.mark(market)
        for account, side, away, lots in orders:
            price = max(1, mark + away)
            self.place(account, market, side, price, lots, lots % 4, 0, None, 0, True, False)

    @rule(poor=POORER, market=st.integers(0, 1), side=SIDES, lots=st.integers(1, 30))
    def gamble(self, poor: int, market: int, side: int, lots: int) -> None:
        """A large trade of one account with the rich one."""
        price = self.mark(market)
        self.place(RICH, market, 1 - side, price, lots, 1, 0, None, 0, True, False)
        self.place(poor, market, side, price, lots, 2, 0, None, 0, True, False)

    @rule(poor=POORER, market=st.integers(0, 1), move=st.sampled_from((-60, -30, 30, 60)), lots=st.integers(1, 12))
    def ruin(self, poor: int, market: int, move: int, lots: int) -> None:
        """A gamble that the price then turns against, and somebody near the new price."""
        self.gamble(poor, market, int(move > 0), lots)
        price = max(2, self.mark(market) + move)
        self.report_round(market, price, (0, 1, 2))
        self.place(RICH, market, int(move > 0), price, lots // 2 + 1, 3, 0, None, 0, True, False)

    @rule(
        account=ACCOUNTS, market=st.integers(0, 1), long=st.booleans(), reach=st.integers(1, 8), move=st.integers(-9, 9)
    )
    def guard(self, account: int, market: int, long: bool, reach: int, move: int) -> None:
        """A take-profit and a stop, and then the price moves."""
        mark = self.mark(market)
        self.bracket(account, market, long, reach)
        self.report_round(market, max(2, mark + move), (0, 1, 2))

    @precondition(lambda self: self.ledger.orders or self.ledger.parked)
    @rule(data=st.data(), thief=st.sampled_from((False, False, False, True)))
    def cancel_resting(self, data: st.DataObject, thief: bool) -> None:
        orders = self.resting(data.draw(MARKETS), data.draw(st.integers(0, 2)))
        if not orders:
            return
        order = data.draw(st.sampled_from(orders))
        account = order.account % 5 + 1 if thief else order.account
        self.cancel(account, order.client_id, order.slot, order.sequence)

    @rule(account=ACCOUNTS, market=st.integers(0, 1), agent=st.sampled_from((0, 0, 1, 2)), drawn=bulks.DRAWN)
    def bulk(self, account: int, market: int, agent: int, drawn: bulks.Drawn) -> None:
        by, nonce = self.signer(account, agent, True), self.nonce(account, False)
        named = self.named(market)
        bulk = bulks.Bulk(account=account, agent=agent, nonce=nonce, market=market, named=named, drawn=drawn)
        self.same(*bulk.send(self.world, self.ledger, by))

    @rule(account=ACCOUNTS, agent=st.sampled_from((0, 0, 1)), ago=st.sampled_from((None, -99, 0, 1, 2, 4, 8, 1 << 60)))
    def cancel_all(self, account: int, agent: int, ago: int | None) -> None:
        nonce = self.nonce(account, False)
        by = self.signer(account, agent, True)
        named = {} if ago is None else {"sequence": max(0, self.ledger.sequence - ago)}
        expected = self.ledger.cancel_all(by, account, agent, nonce, **named)
        kind = "cancel_before" if named else "cancel_all"
        record = self.world.signed(kind, by, account=account, agent=agent, nonce=nonce, **named)
        self.same(self.world.send(record), expected)

    @rule(account=ACCOUNTS, lives_ms=st.sampled_from((None, 0, 1, 500, 5000)))
    def dead_man(self, account: int, lives_ms: int | None) -> None:
        nonce = self.nonce(account, False)
        time = 0 if lives_ms is None else self.ledger.clock_ms + lives_ms
        by = NAMES[account]
        expected = self.ledger.dead_man(by, account, 0, nonce, time)
        record = self.world.signed("dead_man", by, account=account, nonce=nonce, time_ms=time)
        self.same(self.world.send(record), expected)

    @rule(data=st.data())
    def clean(self, data: st.DataObject) -> None:
        orders = self.resting(data.draw(MARKETS), data.draw(st.integers(0, 2)))
        if orders:
            order = data.draw(st.sampled_from(orders))
            known = self.ledger.find(order.account, order.client_id, order.sequence)
            self.same(self.world.send(make("clean", pack_slots(order.slot))), self.ledger.clean(known))
        else:
            self.same(self.world.send(make("clean", pack_slots(2**36 - 1))), self.ledger.clean(None))

    @rule(account=ACCOUNTS, slot=st.sampled_from((0, 64, 65, 2**36 - 1)))
    def cancel_nothing(self, account: int, slot: int) -> None:
        # Client ids of orders that rest are below 4.
        self.cancel(account, 9, slot, -1)

    def cancel(self, account: int, client_id: int, slot: int, sequence: int) -> None:
        nonce = self.nonce(account, False)
        by = NAMES[account]
        expected = self.ledger.cancel(by, account, 0, nonce, client_id, sequence)
        record = self.world.signed("cancel", by, account=account, nonce=nonce, client_id=client_id, slot=slot)
        self.same(self.world.send(record), expected)

    @rule(account=POORER, data=st.data(), honest=st.sampled_from((True, True, False)))
    def withdraw(self, account: int, data: st.DataObject, honest: bool) -> None:
        free = self.ledger.withdrawable(account) if account in self.ledger.accounts else 0
        edges = {max(free + delta, 0) for delta in (-1, 0, 1)} | {0, free // 2}
        amount = data.draw(st.sampled_from(sorted(edges)))
        by = NAMES[account] if honest else "mallory"
        nonce = self.nonce(account, False)
        expected = self.ledger.withdraw(by, account, nonce, amount)
        recipient = int.from_bytes(address(by), "big")
        record = self.world.signed(
            "withdraw", by, account=account, nonce=nonce, amount_units=amount, recipient=recipient
        )
        self.same(self.world.send(record), expected)

    @rule(account=POORER, drawn=bulks.TRANSFERS)
    def transfer(self, account: int, drawn: tuple[int, int, int, int]) -> None:
        number, target, amount = bulks.transfer_of(self.ledger, account, drawn)
        nonce = self.nonce(number, False)
        expected = self.ledger.transfer(NAMES[account], number, nonce, target, amount)
        values = {"account": number, "nonce": nonce, "to": target, "amount_units": amount}
        self.same(self.world.send(self.world.signed("transfer", NAMES[account], **values)), expected)

    @rule(account=ACCOUNTS, slot=st.integers(0, 2), scope=st.integers(0, 3), lives_ms=st.sampled_from((None, 0, 1000)))
    def approve(self, account: int, slot: int, scope: int, lives_ms: int | None) -> None:
        expiry = 0 if lives_ms is None else self.ledger.clock_ms + lives_ms
        nonce = self.nonce(account, False)
        name = f"agent {slot}"
        agent = Agent(name, scope, expiry)
        expected = self.ledger.approve(NAMES[account], account, nonce, slot, agent)
        record = self.world.signed(
            "approve_agent",
            NAMES[account],
            account=account,
            nonce=nonce,
            slot=slot,
            key=int.from_bytes(address(name), "big"),
            scope=scope,
            expiry_ms=expiry,
        )
        self.same(self.world.send(record), expected)

    @rule(junk=JUNK)
    def send_junk(self, junk: tuple[bytes, Outcome]) -> None:
        self.same(self.world.send(junk[0]), self.ledger.junk(junk[1]))

    # Messages

    @rule(account=ACCOUNTS, amount=st.integers(0, 500_000), to=OWN_OR_NOBODYS)
    def deposit(self, account: int, amount: int, to: int | None) -> None:
        self.from_l1([(MESSAGE_DEPOSIT, NAMES[account], account if to is None else to, amount)])

    @rule(
        account=POORER,
        amount=st.sampled_from((0, 1, 50_000, 2**64 - 1)),
        honest=st.sampled_from((True, True, False)),
    )
    def force_withdraw(self, account: int, amount: int, honest: bool) -> None:
        by = NAMES[account] if honest else "mallory"
        self.from_l1([(MESSAGE_FORCE_WITHDRAW, by, account, amount)])

    @rule(account=ACCOUNTS, honest=st.sampled_from((True, True, False)))
    def force_cancel_all(self, account: int, honest: bool) -> None:
        by = NAMES[account] if honest else "mallory"
        self.from_l1([(MESSAGE_FORCE_CANCEL_ALL, by, account, 0), (MESSAGE_DEPOSIT, by, account, 1)])

    def from_l1(self, messages: list[tuple[int, str, int, int]]) -> None:
        self.seal()
        expected = Outcome.ACCEPTED
        for kind, by, account, amount in messages:
            self.ledger.message()
            self.world.published.messages.append(message(kind, address(by), account, amount))
            if kind == MESSAGE_DEPOSIT:
                expected = self.ledger.deposit(by, account, amount)
            elif kind == MESSAGE_FORCE_WITHDRAW:
                expected = self.ledger.force_withdraw(by, account, amount)
            else:
                expected = self.ledger.force_cancel_all(by, account)
        self.same(self.world.consume(), expected)

    @rule()
    def seal(self) -> None:
        """Publish the batch, with one record at least."""
        self.move_clock(0)
        self.world.seal()
        self.ledger.open_batch(self.batch_time())

    def wind_down(self) -> None:
        """I21: however trading went, everybody who is counted is paid, the bankrupt and the late ones too."""
        for ms, numbers in ((7 * DAY_MS, (1, 2, 3, 0, 1)), (7 * DAY_MS, (5, 1, 2, 3, 4, 1))):
            self.skip(ms)
            for number in numbers:
                self.same(self.world.settle_account(number), self.ledger.settle_account(number))
                reconcile(self.ledger, self.world.state)

    def teardown(self) -> None:
        """I10: what is published leads every replayer, and the Referee step by step, to the operator's state."""
        if self.ledger.accounts:
            self.wind_down()
        self.world.seal()
        final = self.world.state.hash()
        fast = self.world.fresh()
        run(fast, 1 << 20)
        assert fast.state.hash() == final
        machine = self.world.fresh()
        tracer = Tracer(machine)
        referee = TwinRunner(self.world.published)
        while not halted(machine):
            referee.check(tracer.prove(), self.world.published.batch_limit)
        assert tracer.state_hash == final
