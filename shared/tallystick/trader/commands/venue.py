"""What price signers sign: reports of prices."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.connection import DEPLOYMENT, L1_URLS, OPERATOR_URL, Json, Password, Record, Rpc, Url, sending_client
from tallystick.errors import REJECTED
from tallystick.state.ordinals import MarketId, SignerNumber, UnixMs, UnixSeconds
from tallystick.trader.commands.trader_options import load_key, print_json

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from tallystick.price_signer.delivery.line import Line
    from tallystick.price_signer.delivery.signatory import OwnKey
    from tallystick.rollup.genesis import Genesis
    from tallystick.shapes.submitting import Answer, Refusal
    from tallystick.transport import Transport

Signers = list[tuple[SignerNumber, "OwnKey"]]
"""Numbers and keys."""
ACCEPTED = "ACCEPTED"


def report_price(
    numbers: Annotated[list[int], typer.Argument(min=0, help="Markets, each with its price in ticks behind it.")],
    key_files: Annotated[
        list[Path], typer.Option("--key-file", help="A price signer's key; once for each that signs these prices.")
    ],
    every: Annotated[str | None, typer.Option(help="Report them again so often, e.g. 10s; Ctrl-C ends it.")] = None,
    operator: Url = OPERATOR_URL,
    rpc: Rpc = L1_URLS,
    deployment: Record = DEPLOYMENT,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Report prices of markets: the median of a quorum of the signers is the index that the mark follows.

    A report counts for 15 seconds; half a minute without an index stops trading. Examples: `trader report-price 0 618000
    --key-file s0.key --key-file s1.key`, and the same with `--every 10s` to keep a market open while one tries things
    out; `trader report-price 0 618000 1 26800` for two markets. Whoever signs prices for others runs `tallystick
    price-signer run`.
    """
    from tallystick.errors import BadInput
    from tallystick.price_signer.delivery.line import Line
    from tallystick.trader.wording import duration_ms
    from tallystick.transport import Transport

    prices = dict(zip(map(MarketId, numbers[::2]), numbers[1::2], strict=False))
    if len(numbers) != 2 * len(prices) or min(prices.values()) < 1:
        raise BadInput("every market has one price above 0 behind it", hint="report-price 0 618000 1 26800")
    pause_ms = 0 if every is None else duration_ms(every)
    genesis = read_genesis(deployment)
    signers = [_signer(genesis, load_key(each, password_file)) for each in key_files]
    chain = sending_client(rpc)
    # L1's clock is the one the exchange follows; the exchange's own stands still while nothing happens.
    l1_seconds = chain.head().timestamp
    with Transport(operator) as transport:
        desk = _Desk(transport, Line(operator, genesis_domain(genesis)), signers, prices)
        answers = desk.report(l1_seconds)
        if as_json:
            print_json(answers)
        else:
            _print_answers(signers, list(prices), answers, genesis.quorum)
        if pause_ms:
            _keep_reporting(desk, lambda: chain.head().timestamp, pause_ms, last=l1_seconds)
    refused = [item for answer in answers for item in answer.items if item.outcome != ACCEPTED]
    if refused or not all(answer.accepted for answer in answers):
        raise typer.Exit(REJECTED)


class _Desk:
    """Several signers of the same prices, and the operator they bring them to."""

    def __init__(self, transport: Transport, line: Line, signers: Signers, prices: dict[MarketId, int]) -> None:
        self._transport, self._line, self._signers, self._prices = transport, line, signers, prices

    def report(self, l1_seconds: UnixSeconds) -> list[Answer]:
        """Have every signer report. Raises: OperatorRefused when one is refused, and as the line does."""
        from tallystick.price_signer.delivery.line import conversed
        from tallystick.price_signer.delivery.making import report_record

        answers = []
        for number, key in self._signers:
            record = report_record(number, UnixMs(l1_seconds * 1000), self._prices)
            found = conversed(self._line.deliver([key.sign(record)]), self._transport)
            answers += [_answered(each) for each in found.results]
        return answers


def _keep_reporting(desk: _Desk, l1_seconds: Callable[[], UnixSeconds], pause_ms: int, *, last: UnixSeconds) -> None:
    """Report prices again behind each pause until somebody stops it; what fails is said, and tried again."""
    from tallystick.cli import until_interrupted
    from tallystick.drawing import spoken
    from tallystick.errors import TallystickError

    stop = until_interrupted()
    while not stop.wait(pause_ms / 1000):
        try:
            now = l1_seconds()
            if now <= last:
                continue
            answers = desk.report(now)
        except TallystickError as error:
            print(f"not reported: {error}; trying again", file=sys.stderr)
            continue
        last = now
        said = ", ".join(sorted({_words(item.outcome) for answer in answers for item in answer.items}))
        print(f"reported at {spoken(now * 1_000)}: {said}", file=sys.stderr, flush=True)


def _answered(result: Answer | Refusal) -> Answer:
    """Return an answer. Raises: OperatorRefused when it is none."""
    from tallystick.shapes.submitting import Refusal
    from tallystick.transport import OperatorRefused

    if isinstance(result, Refusal):
        raise OperatorRefused(400, result.error, result.message, result.field)
    return result


def _print_answers(signers: Signers, markets: list[MarketId], answers: list[Answer], quorum: int) -> None:
    from tallystick.drawing import figures, show, table

    rows = [
        (int(number), int(market), _words(item.outcome))
        for (number, _), answer in zip(signers, answers, strict=True)
        for market, item in zip(markets, answer.items, strict=False)
    ]
    show(table([figures("signer"), figures("market"), "what became of it"], rows))
    if len({number for number, _ in signers}) < quorum:
        print(f"the mark moves when {quorum} signers have reported within 15 seconds")


def _words(outcome: str) -> str:
    return outcome.lower().replace("_", " ")


def _signer(genesis: Genesis, account: LocalAccount) -> tuple[SignerNumber, OwnKey]:
    """Return a signer's number and key. Raises: BadInput when the key is no signer's."""
    from tallystick.price_signer.delivery.signatory import OwnKey, number_of

    return number_of(account.address, genesis), OwnKey(bytes(account.key), account.address, genesis_domain(genesis))


def genesis_domain(genesis: Genesis) -> bytes:
    """Return the EIP-712 domain separator of the deployment that begins so."""
    from tallystick.records.signing import domain_separator

    return domain_separator(genesis.chain_id, genesis.rollup.hex())


def read_genesis(deployment: Path) -> Genesis:
    """Return the genesis a deployment record holds."""
    from tallystick.l1.deployment import load_deployment
    from tallystick.rollup.genesis import decode_genesis

    return decode_genesis(load_deployment(deployment).genesis)
