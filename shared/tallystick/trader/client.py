"""A typed client of an operator: signs records, sends them, checks the receipts, asks questions."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from tallystick.errors import BadInput
from tallystick.ports import Chance
from tallystick.ports.system import SystemChance
from tallystick.records.codec import Record, encode
from tallystick.records.items import Item, pack_items, pack_slots
from tallystick.records.market_names import market_name, signed_market
from tallystick.records.signing import address_of, make, sign
from tallystick.schema.names import Outcome
from tallystick.shapes.accounts import Account, AccountFill, Agent, Order, PlacedOrder, Withdrawal
from tallystick.shapes.market_data import Book, Funding, Market, Trade
from tallystick.shapes.progress import Feed, Info
from tallystick.shapes.routes import (
    ACCOUNT,
    AGENTS,
    BOOK,
    FEED,
    FILLS,
    FUNDING,
    HISTORY,
    INFO,
    MARKETS,
    ORDER,
    ORDERS,
    OWNER,
    RECORD_LIST,
    RECORDS,
    TRADES,
    WITHDRAWALS,
)
from tallystick.shapes.submitting import Answer, Refusal, Submission, SubmissionList
from tallystick.state.layout import BUY, FLAG_IOC, SELL
from tallystick.state.ordinals import NEVER, AccountId, MarketId, Number, SignedMarket, UnixMs
from tallystick.trader.family import sub_account
from tallystick.trader.held import check_and_keep
from tallystick.trader.offers import accepted, apart
from tallystick.transport import OperatorRefused, Transport

LIST_RECORDS: Final = 500
"""Records of one request when many are sent."""


class TraderClient:
    """One key's view of one operator.

    With a key it sends records for `account`: as its owner, or as agent number `agent`; with `sub` for that
    sub-account of it. Nonces are counted here from the operator's answer on; one client an account, or give each its
    own range with `next_nonce`. Safe for threads: no two records get the same nonce. What the operator promises is kept
    in the file `receipts`, if there is one.
    """

    def __init__(
        self,
        url: str,
        key: bytes | None = None,
        *,
        account: AccountId | None = None,
        agent: int = 0,
        sub: int = 0,
        domain: bytes | None = None,
        receipt_signer: str | None = None,
        receipts: Path | None = None,
        chance: Chance | None = None,
    ) -> None:
        self._transport = Transport(url)
        self._key = key
        self._account = account
        self._agent = agent
        self._sub = sub
        self._domain = domain
        self._receipt_signer = receipt_signer
        self._receipts = receipts
        self._chance = chance or SystemChance()
        self.next_nonce: int | None = None
        self._series: dict[MarketId, int] = {}
        """Of each market, as the operator said when somebody asked last."""
        self._above = 0
        """Nonces below it were given out here, and may be under way."""
        self._counting = threading.Lock()

    # Questions

    def info(self) -> Info:
        """Return who the operator is and how far everything has come."""
        return self._transport.ask(INFO)

    def markets(self) -> list[Market]:
        """Return every listed market."""
        return self._transport.ask(MARKETS).markets

    def named(self, market: MarketId, series: int | None = None) -> SignedMarket:
        """Return a market as a signed record names it: in the series that is listed now, unless one is given.

        Raises: BadInput when there is no such market, or another series of it is listed.
        """
        if series is None and market in self._series:
            return signed_market(market, self._series[market])
        self._series = {each.market: each.series for each in self.markets()}
        if market not in self._series:
            raise BadInput("there is no such market", hint="`trader markets` lists them", market=market)
        if series not in (None, self._series[market]):
            now = market_name(market, self._series[market])
            raise BadInput("this series is not the one that is listed", given=market_name(market, series or 0), now=now)
        return signed_market(market, self._series[market])

    def book(self, market: MarketId | str, depth: int = 20) -> Book:
        """Return the best prices of a market, which may be named with its series, as in all questions about one."""
        return self._transport.ask(BOOK, market=market, depth=depth)

    def trades(self, market: MarketId | str, limit: int = 100) -> list[Trade]:
        """Return a market's newest fills, newest first."""
        return self._transport.ask(TRADES, market=market, limit=limit).trades

    def account(self, number: AccountId | None = None) -> Account:
        """Return an account, the own one if none is given."""
        return self._transport.ask(ACCOUNT, account=self._number(number))

    def orders(self, number: AccountId | None = None) -> list[Order]:
        """Return an account's resting orders."""
        return self._transport.ask(ORDERS, account=self._number(number)).orders

    def order_status(self, client_id: int, number: AccountId | None = None) -> PlacedOrder:
        """Return the newest order with a client id, whatever became of it. Raises: OperatorRefused when none is known."""
        return self._transport.ask(ORDER, account=self._number(number), client_id=client_id)

    def history(self, number: AccountId | None = None, limit: int = 100) -> list[PlacedOrder]:
        """Return the orders an account has placed, newest first."""
        return self._transport.ask(HISTORY, account=self._number(number), limit=limit).orders

    def fills(self, number: AccountId | None = None, limit: int = 100, after: int = 0) -> list[AccountFill]:
        """Return an account's fills, newest first; those behind a number of the feed."""
        return self._transport.ask(FILLS, account=self._number(number), limit=limit, after=after).fills

    def funding(self, market: MarketId | str, limit: int = 100) -> list[Funding]:
        """Return a market's funding by the hour, newest first."""
        return self._transport.ask(FUNDING, market=market, limit=limit).funding

    def agents(self, number: AccountId | None = None) -> list[Agent]:
        """Return the keys that may trade for an account."""
        return self._transport.ask(AGENTS, account=self._number(number)).agents

    def feed(
        self,
        after: int,
        *,
        wait_ms: int = 0,
        limit: int = 100,
        account: AccountId | None = None,
        market: MarketId | str | None = None,
    ) -> Feed:
        """Return the events behind a number, oldest first; wait for the first. Raises: OperatorRefused when too old."""
        return self._transport.ask(FEED, after=after, wait_ms=wait_ms, limit=limit, account=account, market=market)

    def withdrawals(self, number: AccountId | None = None) -> list[Withdrawal]:
        """Return an account's withdrawals and how far they are."""
        return self._transport.ask(WITHDRAWALS, account=self._number(number)).withdrawals

    def account_of(self, owner: str) -> AccountId:
        """Return the number of an owner's account. Raises: OperatorRefused when it has none."""
        return self._transport.ask(OWNER, address=owner).account

    # Records

    def order(
        self,
        market: MarketId,
        side: int,
        price_ticks: int,
        lots: int,
        *,
        client_id: int = 0,
        ioc: bool = False,
        flags: int = 0,
        expiry_ms: UnixMs = NEVER,
        trigger_ticks: int = 0,
        pair: int = 0,
        series: int | None = None,
    ) -> Answer:
        """Place an order; `ioc` cancels what does not fill at once, `flags` are those of the state's layout.

        It is signed for the series that the market has now, or for the one that is given.

        With `trigger_ticks` it waits until the mark is there, with `pair` it dies with the account's order of that
        client id.

        Raises: OperatorRefused when it was not sequenced. A rejection by the exchange is an outcome.
        """
        if side not in (BUY, SELL):
            raise BadInput("a side is 0 (buy) or 1 (sell)", side=side)
        more = {"trigger_ticks": trigger_ticks, "pair": pair} if trigger_ticks or pair else {}
        return self.send(
            self.signed(
                "conditional" if more else "order",
                agent=self._agent,
                market=self.named(market, series),
                side=side,
                flags=flags | (FLAG_IOC if ioc else 0),
                price_ticks=price_ticks,
                lots=lots,
                client_id=client_id,
                expiry_ms=expiry_ms,
                **more,
            )
        )

    def cancel(self, client_id: int) -> Answer:
        """Cancel the account's oldest order with this client id."""
        return self.send(self.signed("cancel", agent=self._agent, client_id=client_id))

    def cancel_all(self, before: int | None = None) -> Answer:
        """Cancel every order the account has placed so far, or of these the ones with a smaller sequence number."""
        if before is not None:
            return self.send(self.signed("cancel_before", agent=self._agent, sequence=before))
        return self.send(self.signed("cancel_all", agent=self._agent))

    def dead_man(self, time_ms: UnixMs) -> Answer:
        """Have all orders die at a clock unless it is moved on before; 0 disarms it."""
        return self.send(self.signed("dead_man", agent=self._agent, time_ms=time_ms))

    def withdraw(self, amount_units: int, recipient: str = "") -> Answer:
        """Withdraw to an L1 address, the owner's own if none is given."""
        to = int(recipient or address_of(self._secret()), 16)
        return self.send(self.signed("withdraw", amount_units=amount_units, recipient=to))

    def transfer(self, to: AccountId, amount_units: int) -> Answer:
        """Move cash to another account of the same owner, or into the insurance fund of a market or the treasury."""
        return self.send(self.signed("transfer", to=to, amount_units=amount_units))

    def offer(self, nonce: int | None = None, **terms: Number) -> Record:
        """Return a signed offer of a block trade, its terms by the record's fields, for somebody else to accept.

        Its market is as `named` returns it: nobody is asked. Without a nonce it gets one out of the way of the next records.
        """
        number = apart(self.fresh_nonce(), self._chance) if nonce is None else nonce
        record = make("block_trade", account=self.number, agent=self._agent, nonce=number, **terms)
        return sign(record, self.domain, self._secret())

    def accept(self, offer: Record, nonce: int | None = None) -> Record:
        """Return the block trade that the account makes of an offer; `send` has it run."""
        number = self.fresh_nonce() if nonce is None else nonce
        return accepted(offer, self.number, self._agent, number, self.domain, self._secret())

    def bulk(self, items: list[Item], *, expiry_ms: UnixMs = NEVER) -> Answer:
        """Place, cancel and replace orders under one signature; `items` of the answer tells what became of each.

        A market without a series is meant in the one that is listed now.
        """
        named = [replace(each, market=self.named(MarketId(each.market))) if each.is_bare else each for each in items]
        return self.send(self.signed("bulk", pack_items(named), agent=self._agent, expiry_ms=expiry_ms))

    def approve_agent(self, slot: int, address: str, scope: int = 3, expiry_ms: UnixMs = NEVER) -> Answer:
        """Let a key trade for the account; the zero address revokes the slot."""
        key = int(address, 16)
        return self.send(self.signed("approve_agent", slot=slot, key=key, scope=scope, expiry_ms=expiry_ms))

    def liquidate(self, account: AccountId, market: MarketId) -> Answer:
        """Have any account's position sent to the book, if it cannot be carried."""
        return self.send(make("liquidate", account=account, market=market))

    def take_over(self, account: AccountId, market: MarketId, lots: int) -> Answer:
        """Have the market's insurance fund take up a position that the book does not."""
        return self.send(make("take_over", account=account, market=market, lots=lots))

    def nominate(self, account: AccountId, market: MarketId, candidate: AccountId) -> Answer:
        """Nominate an account whose opposite position takes up one that nobody else takes."""
        return self.send(make("nominate_adl", account=account, market=market, candidate=candidate))

    def deleverage(self, account: AccountId) -> Answer:
        """Have an account's position closed against the nominee's."""
        return self.send(make("deleverage", account=account))

    def clean(self, *slots: int) -> Answer:
        """Have dead orders taken out of the book, at most CLEAN_SLOTS; the answer is what became of the last one."""
        return self.send(make("clean", pack_slots(*slots)))

    def settle_position(self, account: AccountId, market: MarketId) -> Answer:
        """Have an account's position in a settled market turned into cash."""
        return self.send(make("settle_position", account=account, market=market))

    def settle_account(self, account: AccountId) -> Answer:
        """Have an account's claim in a wind-down counted, or paid."""
        return self.send(make("settle_account", account=account))

    def apply_change(self, pending: int) -> Answer:
        """Have a market's proposed rules put in force, or with FEE_ACCOUNT_PENDING the proposed account of the fees."""
        return self.send(make("apply_change", pending=pending))

    def sweep(self) -> Answer:
        """Have the fees kept so far paid to the treasury and the account of the fees."""
        return self.send(make("sweep"))

    def top_up(self, market: MarketId) -> Answer:
        """Have a market's insurance fund brought back to what it is to be worth, out of the treasury."""
        return self.send(make("top_up", market=market))

    def signed(self, kind: str, *blobs: bytes, **values: Number) -> Record:
        """Return a record of the account with the next nonce, signed."""
        record = make(kind, *blobs, account=self._number(None), nonce=self._take_nonce(), **values)
        return sign(record, self.domain, self._secret())

    def send(self, record: Record) -> Answer:
        """Send one signed record and check its receipt.

        Raises: OperatorRefused, OperatorUnreachable (send the same record again), DataMismatch for a false receipt.
        """
        try:
            answer = self._transport.ask(RECORDS, Submission(raw="0x" + encode(record).hex()))
        except OperatorRefused as refusal:
            self.note_refusal(refusal)
            raise
        self.check(record, answer)
        return answer

    def send_all(self, records: Sequence[Record]) -> list[Answer | Refusal]:
        """Send many signed records, sequenced in this order, and check their receipts."""
        found: list[Answer | Refusal] = []
        for at in range(0, len(records), LIST_RECORDS):
            part = records[at : at + LIST_RECORDS]
            body = SubmissionList(records=["0x" + encode(record).hex() for record in part])
            for record, each in zip(part, self._transport.ask(RECORD_LIST, body).each(), strict=True):
                if isinstance(each, Answer):
                    self.check(record, each)
                found.append(each)
        return found

    def check(self, record: Record, answer: Answer) -> None:
        """Check and keep an answer's receipt; forget the series after a NO_MARKET. Raises: DataMismatch, BadInput."""
        if Outcome.NO_MARKET.name in (answer.outcome, *(each.outcome for each in answer.items)):
            self._series = {}
        check_and_keep(record, answer, self.domain, bytes.fromhex(self.receipt_signer[2:]), self._receipts)

    def note_refusal(self, refusal: OperatorRefused) -> None:
        """Count nonces anew from the operator's where a record was refused for its own."""
        if refusal.code in ("nonce_used", "nonce_range"):
            with self._counting:
                self.next_nonce = None
                # too far ahead of the operator's: what was given out is no measure any more
                self._above = self._above if refusal.code == "nonce_used" else 0

    def fresh_nonce(self) -> int:
        """Return the next record's nonce: the operator's word for it, until records have been signed here."""
        with self._counting:
            return self._next()

    @property
    def number(self) -> AccountId:
        """The account it acts for."""
        return self._number(None)

    @property
    def domain(self) -> bytes:
        """The EIP-712 domain separator: given, or the operator's word for it."""
        if self._domain is None:
            self._domain = bytes.fromhex(self.info().domain[2:])
        return self._domain

    @property
    def receipt_signer(self) -> str:
        """Who must sign receipts: given, or the operator's word for it."""
        if self._receipt_signer is None:
            self._receipt_signer = self.info().receipt_signer
        return self._receipt_signer

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def _take_nonce(self) -> int:
        """Return the next record's nonce, which nobody else gets."""
        with self._counting:
            nonce = self._next()
            self.next_nonce = self._above = nonce + 1
            return nonce

    def _next(self) -> int:
        if self.next_nonce is None:
            self.next_nonce = max(self.account().next_nonce, self._above)
        return self.next_nonce

    def _secret(self) -> bytes:
        if self._key is None:
            raise BadInput("this needs a key", hint="--key-file FILE")
        return self._key

    def _number(self, number: AccountId | None) -> AccountId:
        if number is not None:
            return number
        if self._account is None:
            self._account = self.account_of(address_of(self._secret()))
        return sub_account(self._account, self._sub) if self._sub else self._account
