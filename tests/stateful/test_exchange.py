"""Random trading, the machine against the independent ledger, and every run replayed at its end."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tallystick.machine.engine import halted, run
from tallystick.proof.tracer import Tracer
from tallystick.records.signing import make
from tallystick.rollup.invariants import imbalance
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    MARKET_NET_LOTS,
    MARKET_OPEN_INTEREST_LOTS,
    MESSAGE_DEPOSIT,
    MESSAGE_FORCE_CANCEL_ALL,
    MESSAGE_FORCE_WITHDRAW,
    OUTBOX_ACCOUNT,
    OUTBOX_AMOUNT_UNITS,
)
from tallystick.testing import ledger as books
from tallystick.testing.ledger_market import Market
from tallystick.testing.look import book, cash, check_book, position, word
from tallystick.testing.reconcile import reconcile
from tallystick.testing.twins import TwinRunner
from tallystick.testing.world import World, address, message, ordinary_rules
from tests.stateful import bulks

settings.register_profile(
    "exchange",
    max_examples=250,
    stateful_step_count=60,
    deadline=None,
    derandomize=False,
    # Shrinking a failing run takes minutes: add Phase.shrink when you hunt one.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

NAMES = {1: "alice", 2: "bob", 3: "carol", 4: "dave", 5: "erin"}
ACCOUNTS = st.integers(1, 5)
# Nobody takes out of erin's account, so that there is always somebody to trade with.
RICH = 5
POORER = st.integers(1, 4)
FUNDS = st.sampled_from((20_000, 100_000, 500_000, 3_000_000))
MARKETS = st.integers(0, 2)
SIDES = st.integers(0, 1)
PRICES = st.one_of(st.integers(985, 1015), st.sampled_from((1, 255, 256, 1023, 1024, 65_536)))
LOTS = st.one_of(st.integers(1, 12), st.sampled_from((0, 60, 61)))
SIGNERS = tuple(f"signer {i}" for i in range(5))
RULES = (
    Market(100, 50_000, 25_000, 500, 100, 60),
    Market(7, 333_333, 111_111, 777, 0, 60),
    Market(13, 20_000, 20_000, 0, 33, 10),
)
FIELDS = ("multiplier", "initial_ppm", "maintenance_ppm", "taker_ppm", "maker_ppm", "max_lots")


class Exchange(RuleBasedStateMachine):
    """The machine, live, and the ledger beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.ledger = books.Ledger(governance="governance", signers=SIGNERS, quorum=3)
        self.rounds = 0

    def same(self, found: Outcome, expected: Outcome) -> None:
        assert found is expected, f"the machine says {found.name}, the ledger {expected.name}"

    def nonce(self, account: int, reuse: bool) -> int:
        used = self.ledger.accounts[account].nonces if account in self.ledger.accounts else set()
        newest = max(used, default=0)
        return newest if reuse else newest + 1

    def signer(self, account: int, agent: int, honest: bool) -> str:
        if not honest:
            return "mallory"
        return f"agent {agent}" if agent else NAMES[account]

    @initialize(funds=st.lists(FUNDS, min_size=4, max_size=4))
    def open_for_trading(self, funds: list[int]) -> None:
        self.move_clock(0)
        self.list_market(0, True)
        self.list_market(1, True)
        self.report_round(0, 1000, (0, 1, 2))
        self.report_round(1, 1000, (0, 1, 2))
        for account, amount in enumerate([*funds, 10**9], start=1):
            self.from_l1([(MESSAGE_DEPOSIT, NAMES[account], account, amount)])

    # Records

    @rule(ahead=st.integers(-5, 2000))
    def move_clock(self, ahead: int) -> None:
        clock = max(self.ledger.clock_ms, self.world.time * 1000) + ahead
        expected = self.ledger.clock(clock, self.world.time)
        self.same(self.world.send(make("clock", clock_ms=clock)), expected)

    @rule(number=MARKETS, honest=st.booleans())
    def list_market(self, number: int, honest: bool) -> None:
        rules = RULES[number]
        by = "governance" if honest else "mallory"
        values = {name: getattr(rules, name) for name in FIELDS}
        listed = Market(**values)
        expected = self.ledger.list_market(by, number, listed)
        record = self.world.signed("list_market", by, market=number, **ordinary_rules(**values))
        self.same(self.world.send(record), expected)

    @rule(
        number=MARKETS,
        price=st.one_of(st.integers(960, 1040), st.sampled_from((0, 700, 1500))),
        signers=st.sampled_from(((0, 1, 2), (2, 3), (4, 3, 1, 0), (0, 0, 1), (7,))),
    )
    def report_round(self, number: int, price: int, signers: tuple[int, ...]) -> None:
        self.rounds += 1
        for i in signers:
            by = SIGNERS[i] if i < len(SIGNERS) else "mallory"
            time = self.ledger.clock_ms
            quote = max(price + (i - 1) * 2, 0)
            expected = self.ledger.report(by, i, number, self.rounds, quote, time)
            record = self.world.signed(
                "report_price",
                by,
                market=number,
                signer=i,
                round=self.rounds,
                price_ticks=quote,
                time_ms=time,
            )
            self.same(self.world.send(record), expected)

    @rule(
        account=ACCOUNTS,
        market=MARKETS,
        side=SIDES,
        price=PRICES,
        lots=LOTS,
        client_id=st.integers(0, 3),
        ioc=st.booleans(),
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
        ioc: bool,
        lives_ms: int | None,
        agent: int,
        honest: bool,
        reuse: bool,
    ) -> None:
        expiry = 0 if lives_ms is None else self.ledger.clock_ms + lives_ms
        by = self.signer(account, agent, honest)
        nonce = self.nonce(account, reuse)
        wanted = books.Order(0, account, market, side, price, lots, client_id, expiry)
        expected = self.ledger.order(by, agent, nonce, wanted, ioc=ioc)
        record = self.world.signed(
            "order",
            by,
            account=account,
            agent=agent,
            nonce=nonce,
            market=market,
            side=side,
            flags=int(ioc),
            price_ticks=price,
            lots=lots,
            client_id=client_id,
            expiry_ms=expiry,
        )
        self.same(self.world.send(record), expected)

    @rule(
        orders=st.lists(
            st.tuples(ACCOUNTS, SIDES, st.integers(-4, 4), st.integers(1, 8)),
            min_size=4,
            max_size=16,
        ),
        market=st.integers(0, 1),
    )
    def trade(self, orders: list[tuple[int, int, int, int]], market: int) -> None:
        """A burst of ordinary orders near the mark, so that books fill and trade."""
        mark = self.ledger.markets[market].mark
        for account, side, away, lots in orders:
            price = mark + away
            self.place(account, market, side, price, lots, lots % 4, False, None, 0, True, False)

    @rule(poor=POORER, market=st.integers(0, 1), side=SIDES, lots=st.integers(1, 30))
    def gamble(self, poor: int, market: int, side: int, lots: int) -> None:
        """A large trade of one account with the rich one."""
        price = self.ledger.markets[market].mark
        self.place(RICH, market, 1 - side, price, lots, 1, False, None, 0, True, False)
        self.place(poor, market, side, price, lots, 2, False, None, 0, True, False)

    @precondition(lambda self: self.ledger.orders)
    @rule(data=st.data(), thief=st.sampled_from((False, False, False, True)))
    def cancel_resting(self, data: st.DataObject, thief: bool) -> None:
        market, side = data.draw(MARKETS), data.draw(SIDES)
        orders = book(self.world.state, market, side)
        if not orders:
            return
        order = data.draw(st.sampled_from(orders))
        account = order.account % 5 + 1 if thief else order.account
        self.cancel(account, order.client_id, order.slot, order.sequence)

    @rule(account=ACCOUNTS, market=st.integers(0, 1), agent=st.sampled_from((0, 0, 1, 2)), drawn=bulks.DRAWN)
    def bulk(self, account: int, market: int, agent: int, drawn: bulks.Drawn) -> None:
        by, nonce = self.signer(account, agent, True), self.nonce(account, False)
        bulk = bulks.Bulk(account=account, agent=agent, nonce=nonce, market=market, drawn=drawn)
        self.same(*bulk.send(self.world, self.ledger, by))

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

    @rule(
        account=ACCOUNTS,
        slot=st.integers(0, 2),
        scope=st.integers(0, 3),
        lives_ms=st.sampled_from((None, 0, 1000)),
    )
    def approve(self, account: int, slot: int, scope: int, lives_ms: int | None) -> None:
        expiry = 0 if lives_ms is None else self.ledger.clock_ms + lives_ms
        nonce = self.nonce(account, False)
        name = f"agent {slot}"
        agent = books.Agent(name, scope, expiry)
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

    @rule(
        junk=st.sampled_from(
            (
                (b"\x00", Outcome.UNKNOWN_RECORD),
                (b"\x03\xc0", Outcome.MALFORMED),
                (b"\x01\xca\x89\x01" + bytes(8), Outcome.OUT_OF_RANGE),
            )
        )
    )
    def send_junk(self, junk: tuple[bytes, Outcome]) -> None:
        self.same(self.world.send(junk[0]), self.ledger.junk(junk[1]))

    # Messages

    @rule(account=ACCOUNTS, amount=st.integers(0, 500_000))
    def deposit(self, account: int, amount: int) -> None:
        self.from_l1([(MESSAGE_DEPOSIT, NAMES[account], account, amount)])

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
        self.ledger.consume()
        expected = Outcome.ACCEPTED
        for kind, by, account, amount in messages:
            self.world.published.messages.append(message(kind, address(by), account, amount))
            if kind == MESSAGE_DEPOSIT:
                expected = self.ledger.deposit(by, account, amount)
            elif kind == MESSAGE_FORCE_WITHDRAW:
                expected = self.ledger.force_withdraw(by, account, amount)
            else:
                expected = self.ledger.force_cancel_all(by, account)
        through = len(self.world.published.messages)
        self.same(self.world.send(make("consume", through=through)), expected)

    @rule()
    def seal(self) -> None:
        """Publish the batch, with one record at least."""
        self.move_clock(0)
        self.world.seal()

    # What always holds

    @invariant()
    def the_machine_and_the_ledger_agree(self) -> None:
        """I7."""
        reconcile(self.ledger, self.world.state)

    @invariant()
    def every_unit_deposited_is_cash_fees_or_withdrawn(self) -> None:
        """I1."""
        state = self.world.state
        total = sum(cash(state, account) for account in state.accounts.rows)
        registers = state.registers
        assert total == registers.cash_units
        assert imbalance(state) == 0

    @invariant()
    def positions_cancel_out_in_every_market(self) -> None:
        """I2."""
        state = self.world.state
        for market in range(3):
            sizes = [position(state, account, market) for account in state.accounts.rows]
            assert sum(sizes) == word(state.markets, market, MARKET_NET_LOTS) == 0
            longs = sum(size for size in sizes if size > 0)
            assert longs == word(state.markets, market, MARKET_OPEN_INTEREST_LOTS)

    @invariant()
    def no_more_is_granted_than_was_deposited(self) -> None:
        """I5."""
        state = self.world.state
        granted = [
            (
                word(state.outbox, number, OUTBOX_ACCOUNT),
                word(state.outbox, number, OUTBOX_AMOUNT_UNITS),
            )
            for number in range(state.registers.outbox_count)
        ]
        assert granted == self.ledger.outbox
        assert sum(amount for _, amount in granted) <= state.registers.deposited_units

    @invariant()
    def the_book_is_whole(self) -> None:
        """I6."""
        check_book(self.world.state, range(3))

    def teardown(self) -> None:
        """I10: what is published leads every replayer, and the Referee step by step, to the operator's state."""
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


TestExchange = Exchange.TestCase
TestExchange.settings = settings.get_profile("exchange")
