"""The HTTP API: records in, receipts and views out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from tallystick import __version__
from tallystick.ports.system import SystemChance
from tallystick.records.signing import acceptance_digest, acceptance_typed_data, digest, typed_data
from tallystick.schema.record_model import Authority
from tallystick.shapes.accounts import Account, Agents, Orders, Owner, Withdrawal, Withdrawals
from tallystick.shapes.market_data import Book, Markets, Trades
from tallystick.shapes.openapi import description
from tallystick.shapes.progress import Info, Promises
from tallystick.shapes.routes import (
    ACCOUNT,
    AGENTS,
    BOOK,
    DIGEST,
    FEED,
    FILLS,
    FUNDING,
    HEALTH,
    HISTORY,
    INFO,
    MARKETS,
    METRICS,
    OPENAPI,
    ORDER,
    ORDERS,
    OWNER,
    POLL,
    READY,
    RECORD_LIST,
    RECORDS,
    TRADES,
    WITHDRAWALS,
    Endpoint,
)
from tallystick.shapes.streaming import STREAM, Poll, Polled
from tallystick.shapes.submitting import Answer, RecordDigest, Results, Signable, Submission, SubmissionList
from tallystick.state.ordinals import AccountId, MarketId
from tallystick_operator.api import views
from tallystick_operator.api.gate import Gate, http_error, in_json, refusing
from tallystick_operator.api.parameters import asked_number, path_account, path_market
from tallystick_operator.api.past import Past
from tallystick_operator.api.readiness import Probes
from tallystick_operator.intake.door import Checked, Refused, check_submission, to_record
from tallystick_operator.noticeboard import Board
from tallystick_operator.push.hub import Hub
from tallystick_operator.push.sessions import Limits
from tallystick_operator.push.stream_server import Stream
from tallystick_operator.rates import Allowances
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.sequencer import Sequencer
from tallystick_operator.standing import Metrics

MAX_LIST: Final = 1_000
"""Records of one list: about as many as fit a body and a few groups."""

T = TypeVar("T")
Shape = TypeVar("Shape", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What this operator is and serves."""

    chain_id: int
    rollup: str
    contracts: dict[str, str]
    receipt_signer: str
    orders_url: str = ""


class Api:
    """The routes over one sequencer."""

    def __init__(
        self,
        sequencer: Sequencer,
        board: Board,
        identity: Identity,
        metrics: Metrics,
        limits: Limits | None = None,
        *,
        allowances: Allowances | None = None,
        probes: Probes | None = None,
    ) -> None:
        self._sequencer = sequencer
        self._metrics = metrics
        self._board = board
        self._identity = identity
        self._domain = sequencer.core.domain
        self._past = Past(sequencer)
        self._gate = Gate(allowances, sequencer.core.clock.monotonic, metrics.limited)
        self._probes = probes or Probes(sequencer, sequencer.core.clock.monotonic)
        hub = Hub(
            clock=sequencer.core.clock,
            chance=SystemChance(),
            domain=self._domain,
            operator=bytes.fromhex(identity.receipt_signer[2:]),
            limits=limits or Limits(),
        )
        self._stream = Stream(sequencer, hub, metrics)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        routes = [
            self._route(RECORDS, self.submit),
            self._route(RECORD_LIST, self.submit_list),
            self._route(DIGEST, self.digest),
            self._route(INFO, self.info),
            self._route(MARKETS, self.markets),
            self._route(BOOK, self.book),
            self._route(TRADES, self.trades),
            self._route(ACCOUNT, self.account),
            self._route(OWNER, self.owner),
            self._route(ORDERS, self.orders),
            self._route(WITHDRAWALS, self.withdrawals),
            self._route(AGENTS, self.agents),
            self._route(HISTORY, self._past.orders),
            self._route(ORDER, self._past.order),
            self._route(FILLS, self._past.fills),
            self._route(FUNDING, self._past.funding),
            self._route(FEED, self._past.feed),
            self._route(POLL, self.poll),
            self._route(HEALTH, self._probes.health, counted=False),
            self._route(READY, self._probes.ready, counted=False),
            WebSocketRoute(STREAM, self._stream.socket),
            Route(METRICS, self.metrics),
            Route(OPENAPI, self.openapi),
        ]
        open_to_pages = Middleware(
            CORSMiddleware,
            allow_origins=["*"],
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=["Retry-After"],
        )
        return Starlette(routes=routes, middleware=[open_to_pages], exception_handlers={HTTPException: http_error})

    async def submit(self, request: Request) -> Answer:
        """Sequence one record."""
        checked = (await self._checked(request, [await self._gate.body(request, Submission)]))[0]
        if isinstance(checked, Refused):
            raise checked
        result = (await asyncio.wrap_future(self._sequencer.submit([checked])))[0]
        if isinstance(result, Refused):
            raise result
        return result

    async def submit_list(self, request: Request) -> Results:
        """Sequence several records; a refused one does not stop those behind it."""
        listed = await self._gate.body(request, SubmissionList)
        if len(listed.records) > MAX_LIST:
            raise Refused(413, "too_large", f"at most {MAX_LIST} records at once", "records")
        checked = await self._checked(request, listed.records)
        good = [each for each in checked if isinstance(each, Checked)]
        answered = await asyncio.wrap_future(self._sequencer.submit(good)) if good else []
        answers = iter(answered)
        merged = [next(answers) if isinstance(each, Checked) else each for each in checked]
        return Results.of([each.shape if isinstance(each, Refused) else each for each in merged])

    async def digest(self, request: Request) -> RecordDigest:
        """Return the digest and the typed data that must be signed for these fields."""
        record = to_record(await self._gate.body(request, Submission), signed=False)
        if record.kind.authority is Authority.NOBODY:
            raise Refused(400, "not_signed", f"nobody signs {record.kind.name} records; send it as it is", "kind")
        chain_id, rollup = self._identity.chain_id, self._identity.rollup
        acceptance = None
        if record.kind.acceptance:
            acceptance = Signable(
                digest="0x" + acceptance_digest(record, self._domain).hex(),
                typed_data=acceptance_typed_data(record, chain_id, rollup),
            )
        return RecordDigest(
            digest="0x" + digest(record, self._domain).hex(),
            typed_data=typed_data(record, chain_id, rollup),
            acceptance=acceptance,
        )

    async def info(self, _: Request) -> Info:
        """Return who this is and how far everything has come."""
        return await self._read(self._info)

    async def metrics(self, _: Request) -> Response:
        """Return what is counted and measured, as Prometheus reads it."""
        return Response(self._metrics.text(), media_type=CONTENT_TYPE_LATEST)

    async def openapi(self, _: Request) -> Response:
        """Return the description of all of this."""
        return Response(msgspec.json.encode(description(__version__)), media_type="application/json")

    async def markets(self, _: Request) -> Markets:
        """Return every listed market."""
        return Markets(markets=await self._read(lambda core: views.markets(core.executor.state)))

    async def book(self, request: Request) -> Book:
        """Return a market's best prices."""
        market, _ = await self._market(request)
        depth = asked_number(request, BOOK, "depth")

        def look(core: Core) -> Book:
            found = views.book(core.executor.state, market, depth)
            return msgspec.structs.replace(found, sequence=core.executor.read_model.history.sequence)

        return await self._read(look)

    async def trades(self, request: Request) -> Trades:
        """Return a market's newest fills, newest first."""
        market, series = await self._market(request, past=True)
        limit = asked_number(request, TRADES, "limit")
        found = await self._read(lambda core: core.executor.read_model.trades(market, series))
        return Trades(market=market, series=series, trades=found[::-1][:limit])

    async def account(self, request: Request) -> Account:
        """Return an account."""
        number = path_account(request)
        found = await self._read(lambda core: views.account(core.executor.state, core.executor.read_model, number))
        if found is None:
            raise Refused(
                404,
                "no_account",
                "there is no such account yet; deposit first, or transfer to the sub-account",
                "account",
            )
        return found

    async def owner(self, request: Request) -> Owner:
        """Return the account of an owner's address."""
        text = request.path_params["address"].removeprefix("0x")
        try:
            address = bytes.fromhex(text)
        except ValueError:
            address = b""
        if len(address) != 20:
            raise Refused(400, "malformed", "an address has 20 bytes", "address")
        number = await self._read(lambda core: core.executor.read_model.owners.get(address))
        if number is None:
            raise Refused(404, "no_account", "the address owns no account yet; deposit first", "address")
        return Owner(owner="0x" + address.hex(), account=number)

    async def orders(self, request: Request) -> Orders:
        """Return an account's resting orders."""
        number = path_account(request)
        found = await self._read(lambda core: views.orders(core.executor.state, core.executor.read_model, number))
        return Orders(account=number, orders=found)

    async def withdrawals(self, request: Request) -> Withdrawals:
        """Return an account's withdrawals and, where L1 would pay them, what to claim them with."""
        number = path_account(request)
        return Withdrawals(account=number, withdrawals=await self._read(partial(self._withdrawals, number)))

    async def agents(self, request: Request) -> Agents:
        """Return the keys that may trade for an account."""
        number = path_account(request)
        return Agents(account=number, agents=await self._read(lambda core: views.agents(core.executor.state, number)))

    async def poll(self, request: Request) -> Polled:
        """Return what channels of the stream have told."""
        address = request.client.host if request.client else ""
        return await self._stream.poll(await self._gate.body(request, Poll), address)

    async def _checked(self, request: Request, submissions: Sequence[Submission | str]) -> list[Checked | Refused]:
        """Return each record, or why it is refused; none is looked at when too much has come. Raises: Refused."""
        self._gate.look_at(request, len(submissions))
        found = await run_in_threadpool(self._check_all, submissions)
        return [self._gate.checked(request, each) for each in found]

    def _check_all(self, submissions: Sequence[Submission | str]) -> list[Checked | Refused]:
        found: list[Checked | Refused] = []
        for each in submissions:
            try:
                submission = Submission(raw=each or "0x") if isinstance(each, str) else each
                found.append(check_submission(submission, self._domain))
            except Refused as refusal:
                found.append(refusal)
        return found

    def _info(self, core: Core) -> Info:
        registers = core.executor.state.registers
        sealed = core.executor.last_sealed
        return Info(
            chain_id=self._identity.chain_id,
            contracts=self._identity.contracts,
            domain="0x" + core.domain.hex(),
            receipt_signer=self._identity.receipt_signer,
            orders_url=self._identity.orders_url,
            clock_ms=registers.clock_ms,
            last_index_ms=registers.last_index_ms,
            wind_down_ms=registers.wind_down_ms,
            records=registers.record_count,
            sequence=core.executor.read_model.history.sequence,
            accumulator="0x" + registers.record_accumulator.hex(),
            fills=core.executor.read_model.fills,
            batches_sealed=registers.batch_cursor,
            messages_consumed=registers.message_cursor,
            withdrawals=registers.outbox_count,
            state_hash="0x" + sealed.state_hash.hex() if sealed else "",
            promises=_promises(core.refusal(), len(core.branch.owed)),
            l1=self._board.l1,
        )

    def _withdrawals(self, number: AccountId, core: Core) -> list[Withdrawal]:
        sealed = core.executor.state.registers.batch_cursor
        found: list[Withdrawal] = []
        for each in core.executor.read_model.withdrawals.get(number, ()):
            status, proven = self._board.withdrawal(each.index, each.batch, sealed)
            found.append(
                Withdrawal(
                    index=each.index,
                    account=each.account,
                    amount_units=each.amount_units,
                    batch=each.batch,
                    status=status,
                    recipient="0x" + each.recipient.hex(),
                    claim=proven.proof if proven else None,
                )
            )
        return found

    async def _market(self, request: Request, *, past: bool = False) -> tuple[MarketId, int]:
        named = path_market(request, "market")
        return await self._read(lambda core: views.find_series(core.executor.state, named, past=past))

    async def _read(self, question: Callable[[Core], T]) -> T:
        return await run_in_threadpool(self._sequencer.read, question)

    def _route(
        self, at: Endpoint[Shape], handler: Callable[[Request], Awaitable[Shape]], *, counted: bool = True
    ) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                if counted:
                    self._gate.let_in(request)
                return in_json(await handler(request), 200)
            except Refused as refusal:
                return refusing(refusal)

        return Route(at.path, endpoint, methods=[at.method])


def _promises(refusal: Refused | None, owed: int) -> Promises:
    if refusal is None:
        return Promises(open=True, owed_records=owed)
    return Promises(open=False, reason=refusal.code, message=refusal.message, owed_records=owed)
