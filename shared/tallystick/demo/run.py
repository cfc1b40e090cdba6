"""The story itself: an honest exchange, a lie, and what became of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median_low
from typing import Any

from tallystick.demo.chronicle import Chronicle
from tallystick.demo.desk import Desk, Trader, trader
from tallystick.demo.double_check import Audit, Auditor
from tallystick.demo.exchange import BTC, ETH, Exchange, make_keys, plain
from tallystick.demo.flow import Intent, generated_flow, interleave, prices_in, recorded_flow
from tallystick.demo.nested import GENERATIONS, Thief
from tallystick.demo.story import Story, gas, money
from tallystick.errors import StateError
from tallystick.records.codec import Record
from tallystick.records.items import pack_pairs
from tallystick.records.signing import domain_separator, make, sign
from tallystick.shapes.market_data import Market
from tallystick.shapes.routes import ACCOUNT, BOOK, INFO, MARKETS
from tallystick.shapes.submitting import Answer
from tallystick.state.layout import BUY, FLAG_IOC, REPORT_STEP_MS, SELL
from tallystick.state.ordinals import NEVER, MarketId

START_TICKS = {MarketId(BTC): 618_000, MarketId(ETH): 26_800}
DEPOSIT_UNITS = 5_000_000_000_000
WITHDRAW_UNITS = 250_000_000
REPORT_EVERY = 150
"""Intents between two reports of the oracle."""
WAIT_SECONDS = 120.0
DISPUTE_SECONDS = 300.0
MINE_STEP = 12
NESTED = "nested"
"""The lie that a stranger tells, while the operator stays honest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the demo is to show. `intents` is the length of the order flow."""

    lie: str
    flow: Path | None
    intents: int
    seed: int


class Demo:
    """One run."""

    def __init__(self, options: Options, exchange: Exchange, story: Story) -> None:
        self.options = options
        self.exchange = exchange
        self.story = story
        self.reported_ms = NEVER
        self.orders = 0
        self.withdrawn_atoms = 0
        self.traders = [trader(name, True, options.seed) for name in ("Mia", "Max", "Mei")]
        self.traders += [trader(name, False, options.seed) for name in ("Tom", "Tia", "Ted")]
        self.domain = b""
        self.operator, self.challenger = plain(exchange.keys.operator.address), plain(exchange.keys.challenger.address)
        self.liar, self.lies, self.liar_is_poorer = self.operator, 1, True
        self.auditor: Auditor
        self.chronicle: Chronicle

    def run(self) -> dict[str, Any]:
        """Tell the whole story and return its summary."""
        self._open_exchange()
        self._fund_traders()
        self._open_markets()
        self._trade()
        self._withdraw_and_claim()
        honest = self._honest_summary()
        if self.options.lie == NESTED:
            self._be_contested()
        else:
            self._turn_rogue()
            self._dispute()
        return self._close(honest)

    def _open_exchange(self) -> None:
        exchange, story = self.exchange, self.story
        story.chapter("An L1, the contracts, an operator and a watchtower")
        with story.waiting("starting the embedded L1"):
            exchange.start_l1()
        with story.waiting("deploying the contracts"):
            exchange.deploy()
        story.say(f"{len(exchange.deployment.addresses.all())} contracts are on {exchange.l1_url}")
        self.auditor = Auditor(self.exchange.deployment.config.root_height)
        self.chronicle = Chronicle(exchange.client, exchange.deployment, story, {self.challenger})
        self.chronicle.names = {self.operator: "operator", self.challenger: "challenger"}
        self.chronicle.names |= {plain(each.address): each.name for each in self.traders}
        self.domain = domain_separator(exchange.deployment.chain_id, exchange.deployment.addresses.rollup.hex())
        with story.waiting("starting operator and challenger, two processes that share nothing but L1"):
            exchange.start_operator()
            exchange.start_challenger()
        story.say(f"the operator serves {exchange.api_url}; the challenger reads L1 from its first block")

    def _fund_traders(self) -> None:
        story, exchange = self.story, self.exchange
        story.chapter("Traders lock collateral in the Vault")
        for each in self.traders:
            used = self._deposit(each, DEPOSIT_UNITS)
            each.account = int(exchange.call("Vault", "accountOf", each.address))
            story.say(f"{each.name} deposits {money(DEPOSIT_UNITS)} into account {each.account} ({gas(used)})")
        with story.waiting("waiting until the operator has read the deposits"):
            exchange.wait(self._all_funded, "the deposits", WAIT_SECONDS)
        self._send([each.approve_agent(self.domain) for each in self.traders], "agent approvals")
        story.say("each owner lets an agent key trade for it: no wallet prompt per order from here on")

    def _deposit(self, who: Trader, units: int) -> int:
        from eth_account import Account

        exchange = self.exchange
        owner = Account.from_key(who.owner_key)
        token, vault = exchange.deployment.addresses.token, exchange.deployment.addresses.vault
        count = str(who.deposit_units)
        if not who.deposit_units:
            exchange.fund(who.address, 10)
        exchange.transact(owner, f"mint {count}", "TestToken", token, "mint", who.address, units)
        exchange.transact(owner, f"approve {count}", "TestToken", token, "approve", "0x" + vault.hex(), units)
        who.deposit_units += units
        return exchange.transact(owner, f"deposit {count}", "Vault", vault, "deposit", units)

    def _open_markets(self) -> None:
        self.story.chapter("Two perpetual markets, priced by three of five signers")
        self._report(START_TICKS)
        self.story.say("BTC and ETH are in the genesis; signers 1, 3 and 5 report, the median is the index")

    def _report(self, prices: Mapping[MarketId, int], *, all_accepted: bool = True) -> None:
        """Three of the five signers report prices by market, a tick apart; not within a second of their last ones."""
        clock = self.exchange.ask(INFO).clock_ms
        if clock < self.reported_ms + REPORT_STEP_MS:
            return
        self.reported_ms = clock
        reports = []
        for offset, signer in enumerate((0, 2, 4)):
            pairs = pack_pairs({MarketId(market): price + offset - 1 for market, price in prices.items()})
            record = make("report_prices", pairs, signer=signer, time_ms=clock)
            reports.append(sign(record, self.domain, self.exchange.keys.signers[signer]))
        self._send(reports, "price reports", all_accepted=all_accepted)

    def _reopen(self) -> None:
        """Report prices until orders may take again: L1's clock has left the last ones behind.

        The exchange's clock goes on with its next record: the first reports may be too old already and only wind it.
        """
        head_ms = self.exchange.client.head().timestamp * 1000

        def live() -> bool:
            self._report_marks()
            late = self.exchange.ask(INFO).clock_ms < head_ms
            return not late and all(one.status == "live" for one in self._markets())

        with self.story.waiting(
            "the oracle reports again; behind a long silence makers come before takers for a minute"
        ):
            self._wait(live, "the markets to open again", WAIT_SECONDS, mine=MINE_STEP)

    def _report_marks(self) -> None:
        self._report({one.market: one.mark_ticks for one in self._markets()}, all_accepted=False)

    def _markets(self) -> list[Market]:
        return self.exchange.ask(MARKETS).markets

    def _intents(self) -> list[Intent]:
        options = self.options
        second = generated_flow(options.seed, ETH, START_TICKS[MarketId(ETH)])
        if options.flow is None:
            first = generated_flow(options.seed, BTC, START_TICKS[MarketId(BTC)])
            return list(islice(interleave(first, second, 3), options.intents))
        return list(islice(interleave(recorded_flow(options.flow, BTC), second, 3), options.intents))

    def _trade(self) -> None:
        story = self.story
        source = f"from {self.options.flow.name}" if self.options.flow else f"from seed {self.options.seed}"
        story.chapter(f"Order flow {source}")
        desk = Desk(self.traders, self.domain)
        intents = self._intents()
        with story.waiting("trading") as status:
            for at in range(0, len(intents), REPORT_EVERY):
                part = intents[at : at + REPORT_EVERY]
                markets = {intent.market for intent in part}
                self._report({MarketId(market): median_low(prices_in(part, market)) for market in markets})
                records = [record for intent in part for record in desk.records(intent)]
                self._send(records, "orders and cancels", all_accepted=False)
                self.orders += len(part)
                self.chronicle.poll()
                if status is not None:
                    status.update(f"trading: {self.orders} of {len(intents)} orders")
        fills = self.exchange.ask(INFO).fills
        story.say(f"{self.orders} orders, each signed, sequenced and acknowledged with a receipt; {fills} fills")

    def _withdraw_and_claim(self) -> None:
        story, exchange = self.story, self.exchange
        who = self.traders[-1]
        story.chapter("A withdrawal: asserted, waited out, paid by the Vault")
        self._send([who.withdraw(self.domain, WITHDRAW_UNITS)], "the withdrawal")
        story.say(f"{who.name} asks for {money(WITHDRAW_UNITS)}; L1 pays when a state that owes it is confirmed")
        with story.waiting(f"the challenge period of {exchange.deployment.config.challenge_period_blocks} blocks"):
            self._wait(lambda: self._claimable(0), "a confirmed withdrawal", WAIT_SECONDS, mine=MINE_STEP)
        self.withdrawn_atoms = self._claim(who, 0)

    def _claim(self, who: Trader, index: int) -> int:
        """Claim a withdrawal from the Vault with a proof of the auditor's own; return what arrived."""
        from eth_account import Account

        exchange = self.exchange
        owner = Account.from_key(who.owner_key)
        vault = exchange.deployment.addresses.vault
        before = int(exchange.call("TestToken", "balanceOf", who.address))
        proof = self._audit().withdrawal_proof(index)
        exchange.transact(owner, f"claim {index}", "Vault", vault, "claim", *proof)
        self.chronicle.poll()
        return int(exchange.call("TestToken", "balanceOf", who.address)) - before

    def _claimable(self, index: int) -> bool:
        self.chronicle.poll()
        return bool(self.chronicle.named("AssertionConfirmed")) and self._audit().confirmed_outbox_count > index

    def _audit(self) -> Audit:
        return self.auditor.audit(self.chronicle.events)

    def _honest_summary(self) -> dict[str, int]:
        return {
            "orders": self.orders,
            "fills": self.exchange.ask(INFO).fills,
            "batches": len(self.chronicle.named("BatchPosted")),
            "confirmed": len(self.chronicle.named("AssertionConfirmed")),
            "withdrawn_atoms": self.withdrawn_atoms,
        }

    def _turn_rogue(self) -> None:
        story, exchange = self.story, self.exchange
        story.chapter(f"The operator turns rogue: {self.options.lie}")
        operator = next(child for child in exchange.children if child.name == "operator")
        exchange.children.remove(operator)
        operator.stop()
        exchange.start_operator(self.options.lie)
        story.say("the same operator, the same keys, the same published data, but its next assertion will lie")
        self._occasion()

    def _occasion(self) -> None:
        """Give every lie something to lie about: a deposit, two makers at one price and a taker, a withdrawal."""
        first, second, taker = self.traders[0], self.traders[1], self.traders[3]
        self._reopen()
        self._deposit(taker, WITHDRAW_UNITS)
        book = self.exchange.ask(BOOK, market=ETH)
        price = book.bids[0].price_ticks if book.bids else book.mark_ticks - 10
        self._send(
            [
                first.order(self.domain, ETH, BUY, price, 2_500),
                second.order(self.domain, ETH, BUY, price, 2_500),
            ],
            "two makers at one price",
        )
        self._send([taker.order(self.domain, ETH, SELL, price, 30, FLAG_IOC)], "a taker")
        self._send([taker.withdraw(self.domain, WITHDRAW_UNITS // 10)], "a withdrawal")
        self.story.say("trading goes on: a deposit, two makers at one price, a taker, a withdrawal")

    def _dispute(self) -> None:
        story, chronicle = self.story, self.chronicle
        with story.waiting("waiting for the lie"):
            self._wait(lambda: bool(chronicle.named("AssertionRivalled")), "the challenger to notice", WAIT_SECONDS)
        story.chapter("The challenger has replayed the batch and disagrees: one million steps, bisected")
        self._wait(lambda: bool(chronicle.named("EdgeProven")), "the one-step proof", DISPUTE_SECONDS)
        story.chapter("The clock decides: the honest side's edges stand unrivalled or proven")
        with story.waiting("the rest of the challenge period"):
            self._wait(self._settled, "the end of the dispute", DISPUTE_SECONDS, mine=MINE_STEP)

    def _settled(self) -> bool:
        self.chronicle.poll()
        return bool(self.chronicle.named("DisputeSettled") and self.chronicle.named("AssertionRejected"))

    def _be_contested(self) -> None:
        story, exchange = self.story, self.exchange
        story.chapter("The operator stays honest; a thief, Eve, contests what it asserts, generation after generation")
        eve = Thief(exchange, story, self.options.seed)
        try:
            self.chronicle.names[eve.address] = "Eve"
            self.chronicle.honest.add(self.operator)
            self.liar, self.lies = eve.address, GENERATIONS
            for number in range(GENERATIONS):
                self._occasion() if not number else self._deposit(self.traders[number], WITHDRAW_UNITS)
                self._wait(eve.sees_news, "the operator's assertion", WAIT_SECONDS)
                eve.contest(last=number == GENERATIONS - 1)
                self._wait(eve.is_answered, "the answer to Eve", WAIT_SECONDS)
            story.chapter("Three generations are contested at once; each is decided as soon as it is ripe")
            self._wait(eve.act, "Eve's failure", DISPUTE_SECONDS)
            self._wait(eve.honest_is_whole, "the honest side's bonds", WAIT_SECONDS)
            self.liar_is_poorer = eve.is_poorer()
        finally:
            eve.close()

    def _close(self, honest: dict[str, int]) -> dict[str, Any]:
        story = self.story
        story.chapter("What is left")
        result = self._audit()
        bonds = self._bonds()
        paid = True
        if result.confirmed_outbox_count > 1:
            paid = self._claim(self.traders[3], 1) == WITHDRAW_UNITS // 10
        solvent = result.check() and self.exchange.vault_holds(result.owed_units)
        agree = self._balances_agree()
        dispute = self.chronicle.dispute
        ok = solvent and agree and paid and all(bonds.values()) and self.withdrawn_atoms == WITHDRAW_UNITS
        if ok:
            story.say("[green]every balance is what the published data says; the Vault holds what it owes[/green]")
        else:
            story.say(f"[red]solvent {solvent}, balances agree {agree}, paid {paid}, bonds {bonds}[/red]")
        return {
            "ok": ok,
            "honest": honest,
            "dispute": {
                "lie": self.options.lie,
                "bisections": dispute.bisections,
                "step": dispute.step,
                "index": dispute.index,
                "gas": dispute.summary(),
                **bonds,
            },
            "solvent": solvent,
            "seconds": round(story.seconds, 1),
        }

    def _balances_agree(self) -> bool:
        """Replay everything published and compare each trader's cash and positions with what the operator serves."""
        info = self.exchange.ask(INFO)
        self._wait(lambda: len(self.chronicle.named("BatchPosted")) >= info.batches_sealed, "the batches", WAIT_SECONDS)
        head = self.auditor.newest(self.chronicle.events)
        agree = True
        for each in self.traders:
            cash, positions = head.account(each.account)
            served = self.exchange.ask(ACCOUNT, account=each.account)
            theirs = {one.market: one.size_lots for one in served.positions}
            same = cash == served.cash_units and positions == theirs
            agree = agree and same
            shown = ", ".join(f"{size:+} lots of {('BTC', 'ETH')[market]}" for market, size in positions.items())
            self.story.say(f"{each.name:<4} cash {money(cash):>16}   {shown or 'no position'}")
        return agree

    def _bonds(self) -> dict[str, bool]:
        """Return whether the liar's assertion is rejected and the honest side has both its bonds again."""
        rejected = {event.args["id"] for event in self.chronicle.named("AssertionRejected")}
        lies = [e for e in self.chronicle.named("AssertionPosted") if e.args["id"] in rejected]
        lost = len(lies) >= self.lies and all(e.args["proposer"] == self.liar for e in lies) and self.liar_is_poorer
        settled = self.chronicle.named("DisputeSettled")
        honest = all(e.args["opener"] in self.chronicle.honest and e.args["bondWei"] > 0 for e in settled)
        return {"liar_bond_lost": lost, "honest_bond_back": len(settled) >= self.lies and honest}

    def _all_funded(self) -> bool:
        return self.exchange.ask(INFO).messages_consumed >= len(self.traders)

    def _send(self, records: list[Record], what: str, *, all_accepted: bool = True) -> None:
        said = self.exchange.send(records)
        refused = [each for each in said if not isinstance(each, Answer) or not each.accepted]
        if refused and all_accepted:
            raise StateError(f"the operator did not accept {what}", receipt=refused[0])

    def _wait(self, until: Any, what: str, seconds: float, mine: int = 0) -> None:
        def done() -> bool:
            self.chronicle.poll()
            return bool(until())

        self.exchange.wait(done, what, seconds, mine)


def run(options: Options, folder: Path, story: Story) -> dict[str, Any]:
    """Run the demo in a folder and return its summary; every process is stopped whatever happens."""
    exchange = Exchange(folder, make_keys(options.seed))
    try:
        return Demo(options, exchange, story).run()
    finally:
        exchange.stop()
