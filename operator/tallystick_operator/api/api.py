"""The HTTP API: records in, receipts and views out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tallystick.records.signing import acceptance_digest, acceptance_typed_data, digest, typed_data
from tallystick_operator.api import views
from tallystick_operator.api.parameters import asked_number, path_number
from tallystick_operator.api.past import Past
from tallystick_operator.intake.door import Checked, Refused, Submission, check_signature, to_record
from tallystick_operator.noticeboard import Board, Status, WithdrawalProof
from tallystick_operator.sequencer.answers import Answer
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.sequencer import Sequencer
from tallystick_operator.standing import Metrics

MAX_BODY_BYTES: Final = 2 << 20
MAX_LIST: Final = 1_000
"""Records of one list: about as many as fit a body and a few groups."""
MAX_DEPTH: Final = 1_000
DEFAULT_DEPTH: Final = 20

T = TypeVar("T")
Body = TypeVar("Body")
Handler = Callable[[Request], Awaitable[Any]]


class ErrorView(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal."""

    error: str
    message: str
    field: str = ""


class Listed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Several records, sequenced in this order."""

    records: list[Submission | str]


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """An answer or a refusal for each record of a list."""

    results: list[Answer | ErrorView]


class SignableView(msgspec.Struct, frozen=True, kw_only=True):
    """What a wallet would sign."""

    digest: str
    typed_data: dict[str, Any]


class DigestView(msgspec.Struct, frozen=True, kw_only=True):
    """What a wallet would sign for a record, and what the wallet of its second signer would."""

    digest: str
    typed_data: dict[str, Any]
    acceptance: SignableView | None = None


class WithdrawalView(msgspec.Struct, frozen=True, kw_only=True):
    """A withdrawal on its way. `claim` is there once the Vault would pay it."""

    index: int
    account: int
    amount_units: int
    batch: int
    status: Status
    recipient: str = ""
    claim: WithdrawalProof | None = None


class PromisesView(msgspec.Struct, frozen=True, kw_only=True):
    """Whether records are taken, and why not. `owed_records` were acknowledged and wait to be executed again."""

    open: bool
    reason: str = ""
    message: str = ""
    owed_records: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What this operator is and serves."""

    chain_id: int
    rollup: str
    contracts: dict[str, str]
    receipt_signer: str


class Api:
    """The routes over one sequencer."""

    def __init__(self, sequencer: Sequencer, board: Board, identity: Identity, metrics: Metrics) -> None:
        self._sequencer = sequencer
        self._metrics = metrics
        self._board = board
        self._identity = identity
        self._domain = sequencer.core.domain
        self._past = Past(sequencer)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        routes = [
            self._route("/v1/records", self.submit, "POST"),
            self._route("/v1/records/list", self.submit_list, "POST"),
            self._route("/v1/digest", self.digest, "POST"),
            self._route("/v1/info", self.info),
            self._route("/v1/markets", self.markets),
            self._route("/v1/book/{market}", self.book),
            self._route("/v1/trades/{market}", self.trades),
            self._route("/v1/account/{account}", self.account),
            self._route("/v1/owner/{address}", self.owner),
            self._route("/v1/orders/{account}", self.orders),
            self._route("/v1/withdrawals/{account}", self.withdrawals),
            self._route("/v1/agents/{account}", self.agents),
            self._route("/v1/history/{account}", self._past.orders),
            self._route("/v1/order/{account}/{client_id}", self._past.order),
            self._route("/v1/fills/{account}", self._past.fills),
            self._route("/v1/funding/{market}", self._past.funding),
            self._route("/v1/feed", self._past.feed),
            Route("/v1/metrics", self.metrics),
        ]
        return Starlette(routes=routes, exception_handlers={HTTPException: _http_error})

    async def submit(self, request: Request) -> Answer:
        """Sequence one record."""
        submission = await _body(request, Submission)
        checked = await run_in_threadpool(self._check, submission)
        result = (await asyncio.wrap_future(self._sequencer.submit([checked])))[0]
        if isinstance(result, Refused):
            raise result
        return result

    async def submit_list(self, request: Request) -> Results:
        """Sequence several records; a refused one does not stop those behind it."""
        listed = await _body(request, Listed)
        if len(listed.records) > MAX_LIST:
            raise Refused(413, "too_large", f"at most {MAX_LIST} records at once", "records")
        checked = await run_in_threadpool(self._check_all, listed.records)
        good = [each for each in checked if isinstance(each, Checked)]
        answered = await asyncio.wrap_future(self._sequencer.submit(good)) if good else []
        answers = iter(answered)
        merged = [next(answers) if isinstance(each, Checked) else each for each in checked]
        return Results(results=[_error_view(each) if isinstance(each, Refused) else each for each in merged])

    async def digest(self, request: Request) -> DigestView:
        """Return the digest and the typed data that must be signed for these fields."""
        record = to_record(await _body(request, Submission), signed=False)
        chain_id, rollup = self._identity.chain_id, self._identity.rollup
        acceptance = None
        if record.kind.acceptance:
            acceptance = SignableView(
                digest="0x" + acceptance_digest(record, self._domain).hex(),
                typed_data=acceptance_typed_data(record, chain_id, rollup),
            )
        return DigestView(
            digest="0x" + digest(record, self._domain).hex(),
            typed_data=typed_data(record, chain_id, rollup),
            acceptance=acceptance,
        )

    async def info(self, _: Request) -> dict[str, Any]:
        """Return who this is and how far everything has come."""
        return await self._read(self._info)

    async def metrics(self, _: Request) -> Response:
        """Return what is counted and measured, as Prometheus reads it."""
        return Response(self._metrics.text(), media_type=CONTENT_TYPE_LATEST)

    async def markets(self, _: Request) -> dict[str, Any]:
        """Return every listed market."""
        return {"markets": await self._read(lambda core: views.markets(core.executor.state))}

    async def book(self, request: Request) -> views.BookView:
        """Return a market's best prices."""
        market = await self._market(request)
        depth = asked_number(request, "depth", DEFAULT_DEPTH, most=MAX_DEPTH)

        def look(core: Core) -> views.BookView:
            found = views.book(core.executor.state, market, depth)
            return msgspec.structs.replace(found, sequence=core.executor.read_model.history.sequence)

        return await self._read(look)

    async def trades(self, request: Request) -> dict[str, Any]:
        """Return a market's newest fills, newest first."""
        market = await self._market(request)
        limit = asked_number(request, "limit", 100, most=MAX_DEPTH)
        found = await self._read(lambda core: list(core.executor.read_model.trades.get(market, ())))
        return {"market": market, "trades": found[::-1][:limit]}

    async def account(self, request: Request) -> views.AccountView:
        """Return an account."""
        number = path_number(request, "account")
        found = await self._read(lambda core: views.account(core.executor.state, core.executor.read_model, number))
        if found is None:
            raise Refused(
                404,
                "no_account",
                "there is no such account yet; deposit first, or transfer to the sub-account",
                "account",
            )
        return found

    async def owner(self, request: Request) -> dict[str, Any]:
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
        return {"owner": "0x" + address.hex(), "account": number}

    async def orders(self, request: Request) -> dict[str, Any]:
        """Return an account's resting orders."""
        number = path_number(request, "account")
        found = await self._read(lambda core: views.orders(core.executor.state, core.executor.read_model, number))
        return {"account": number, "orders": found}

    async def withdrawals(self, request: Request) -> dict[str, Any]:
        """Return an account's withdrawals and, where L1 would pay them, what to claim them with."""
        number = path_number(request, "account")
        return {"account": number, "withdrawals": await self._read(partial(self._withdrawals, number))}

    async def agents(self, request: Request) -> dict[str, Any]:
        """Return the keys that may trade for an account."""
        number = path_number(request, "account")
        return {"account": number, "agents": await self._read(lambda core: views.agents(core.executor.state, number))}

    def _check(self, submission: Submission) -> Checked:
        return check_signature(to_record(submission), self._domain)

    def _check_all(self, submissions: list[Submission | str]) -> list[Checked | Refused]:
        found: list[Checked | Refused] = []
        for each in submissions:
            try:
                found.append(self._check(Submission(raw=each or "0x") if isinstance(each, str) else each))
            except Refused as refusal:
                found.append(refusal)
        return found

    def _info(self, core: Core) -> dict[str, Any]:
        registers = core.executor.state.registers
        sealed = core.executor.last_sealed
        return {
            "chain_id": self._identity.chain_id,
            "contracts": self._identity.contracts,
            "domain": "0x" + core.domain.hex(),
            "receipt_signer": self._identity.receipt_signer,
            "clock_ms": registers.clock_ms,
            "last_index_ms": registers.last_index_ms,
            "wind_down_ms": registers.wind_down_ms,
            "records": registers.record_count,
            "sequence": core.executor.read_model.history.sequence,
            "accumulator": "0x" + registers.record_accumulator.hex(),
            "fills": core.executor.read_model.fills,
            "batches_sealed": registers.batch_cursor,
            "messages_consumed": registers.message_cursor,
            "withdrawals": registers.outbox_count,
            "state_hash": "0x" + sealed.state_hash.hex() if sealed else "",
            "promises": _promises(core.refusal(), len(core.branch.owed)),
            "l1": self._board.l1,
        }

    def _withdrawals(self, number: int, core: Core) -> list[WithdrawalView]:
        sealed = core.executor.state.registers.batch_cursor
        found: list[WithdrawalView] = []
        for each in core.executor.read_model.withdrawals.get(number, ()):
            status, proven = self._board.withdrawal(each.index, each.batch, sealed)
            found.append(
                WithdrawalView(
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

    async def _market(self, request: Request) -> int:
        market = path_number(request, "market")
        if await self._read(lambda core: views.market(core.executor.state, market)) is None:
            raise Refused(404, "no_market", "there is no such market", "market")
        return market

    async def _read(self, question: Callable[[Core], T]) -> T:
        return await run_in_threadpool(self._sequencer.read, question)

    def _route(self, path: str, handler: Handler, method: str = "GET") -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                return _json(await handler(request), 200)
            except Refused as refusal:
                return _json(_error_view(refusal), refusal.status)

        return Route(path, endpoint, methods=[method])


async def _body(request: Request, shape: type[Body]) -> Body:
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > MAX_BODY_BYTES:
            raise Refused(413, "too_large", f"a body has at most {MAX_BODY_BYTES} bytes")
        pieces.append(piece)
    try:
        return msgspec.json.decode(b"".join(pieces), type=shape)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        raise Refused(400, "malformed", message, path.strip("`").removeprefix("$.")) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(400, "not_json", str(error)) from error


def _promises(refusal: Refused | None, owed: int) -> PromisesView:
    if refusal is None:
        return PromisesView(open=True, owed_records=owed)
    return PromisesView(open=False, reason=refusal.code, message=refusal.message, owed_records=owed)


def _error_view(refusal: Refused) -> ErrorView:
    return ErrorView(error=refusal.code, message=refusal.message, field=refusal.field)


def _json(value: Any, status: int) -> Response:
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    codes = {404: "no_such_path", 405: "wrong_method"}
    code = codes.get(status, "error")
    return _json(ErrorView(error=code, message=f"{request.method} {request.url.path}"), status)
