"""What governance signs: listings of markets, changes of their rules, where fees go; and what anybody puts in force."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.connection import DEPLOYMENT, OPERATOR_URL, Json, Key, Password, Record, Url
from tallystick.state.ordinals import SignedMarket
from tallystick.trader.commands.trader_options import Market, load_key, open_client, present, print_answer

if TYPE_CHECKING:
    from tallystick.records.market_names import MarketName
    from tallystick.trader.client import TraderClient

PPM_OF_A_PERCENT = 10_000
RuleList = Annotated[
    list[str] | None,
    typer.Option("--rule", metavar="NAME=NUMBER", help="Any rule of docs/tables/records.md; once for each."),
]


def list_market(
    market: Market,
    multiplier: Annotated[int, typer.Option(min=1, help="Units that one lot moves by when the price moves a tick.")],
    initial: Annotated[float, typer.Option(min=0, max=100, help="Initial margin, percent.")] = 5.0,
    maintenance: Annotated[float, typer.Option(min=0, max=100, help="Maintenance margin, percent.")] = 2.5,
    taker: Annotated[float, typer.Option(min=0, max=100, help="Taker's fee, percent.")] = 0.05,
    maker: Annotated[float, typer.Option(min=0, max=100, help="Maker's fee, percent.")] = 0.01,
    max_lots: Annotated[int, typer.Option(min=1, help="Largest order and position.")] = 1_000_000,
    band: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=100,
            help="How far the mark may be from the index, percent: at most half the maintenance margin, which is the default up to 1.25.",
        ),
    ] = None,
    quote_lots: Annotated[
        int, typer.Option(min=1, help="Lots that a sample of the book looks for on each side.")
    ] = 100,
    expiry_ms: Annotated[int, typer.Option(min=0, help="When a dated future expires; 0: a perpetual.")] = 0,
    rule: RuleList = None,
    operator: Url = OPERATOR_URL,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """List a market, for good: signed by the deployment's governance key. Example: `list-market 0 --multiplier 100`.

    It takes orders three weeks later, so that whoever does not trust it may leave before; those of the deployment's file
    take them at once. A market that has settled is listed again under its number, as its next series, once nobody has a
    position or an order in it any more. Tiers, caps, rebate and surcharge are rules of their own: `--rule rebate_ppm=50 --rule insurance_lots=1000`. Open
    interest is at most four times the largest position unless `--rule max_open_interest_lots=...` says otherwise.
    """
    from tallystick.records import codec
    from tallystick.records.market_terms import listing
    from tallystick.records.signing import sign

    key = governance_key(deployment, key_file, password_file)
    rules = {
        "initial_ppm": _ppm(initial),
        "maintenance_ppm": _ppm(maintenance),
        "taker_fee_ppm": _ppm(taker),
        "maker_fee_ppm": _ppm(maker),
        "max_lots": max_lots,
        **({} if band is None else {"band_ppm": _ppm(band)}),
        "quote_lots": quote_lots,
        **parse_rules(rule),
    }
    with open_client(operator) as client:
        named = _next_series(client, market)
        fields = {"market": named, "multiplier": multiplier, "expiry_ms": expiry_ms, **rules}
        record = codec.Record(kind=codec.BY_NAME["list_market"], values=listing(fields))
        answer = client.send(sign(record, client.domain, key))
    print_answer(answer, as_json)


def change_market(
    market: Market,
    rule: RuleList = None,
    change: Annotated[int | None, typer.Option(min=1, help="The proposal's number; the next one if left out.")] = None,
    operator: Url = OPERATOR_URL,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Propose a listed market's next rules: those in force, and each --rule in place of its own.

    Example: `trader change-market 0 --rule taker_fee_ppm=400 --rule max_lots=2000000`. After three weeks, in which anybody
    may leave, `trader apply-change 0` puts them in force; a newer proposal takes the place of an older one.
    """
    from tallystick.errors import BadInput
    from tallystick.records.signing import make, sign

    key = governance_key(deployment, key_file, password_file)
    changed = parse_rules(rule)
    if not changed:
        raise BadInput("a change changes something", hint="--rule NAME=NUMBER")
    with open_client(operator) as client:
        named = client.named(*market)
        known = next(each for each in client.markets() if each.market == market.market)
        number = known.change.proposed + 1 if change is None else change
        record = make("change_market", market=named, change=number, **{**known.rules, **changed})
        answer = client.send(sign(record, client.domain, key))
    print_answer(answer, as_json)


def apply_change(market: Market, operator: Url = OPERATOR_URL, as_json: Json = False) -> None:
    """Put a market's proposed rules in force once their delay is over; anybody may. Example: `trader apply-change 0`."""
    with open_client(operator) as client:
        answer = client.apply_change(int(present(client, market)))
    print_answer(answer, as_json)


def change_fee_account(
    account: Annotated[int, typer.Argument(min=0, help="Who is to have the fees; 0: the treasury of the funds.")],
    change: Annotated[int, typer.Option(min=1, help="The proposal's number: one more than there were before.")],
    operator: Url = OPERATOR_URL,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Propose the account that fees go to, but for the treasury's fifth. Example: `change-fee-account 7 --change 1`.

    After three weeks `trader apply-fee-account` puts it in force; a newer proposal takes the place of an older one.
    """
    from tallystick.records.signing import make, sign

    key = governance_key(deployment, key_file, password_file)
    with open_client(operator) as client:
        record = make("change_fee_account", account=account, change=change)
        answer = client.send(sign(record, client.domain, key))
    print_answer(answer, as_json)


def delist(
    market: Market,
    operator: Url = OPERATOR_URL,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Let a perpetual expire in a week, for good: signed by the deployment's governance key. Example: `trader delist 0`.

    It trades until then, without funding, and settles at the mean of its index over the last half hour.
    """
    from tallystick.records.signing import make, sign

    key = governance_key(deployment, key_file, password_file)
    with open_client(operator) as client:
        answer = client.send(sign(make("delist", market=client.named(*market)), client.domain, key))
    print_answer(answer, as_json)


def apply_fee_account(operator: Url = OPERATOR_URL, as_json: Json = False) -> None:
    """Let fees go to the proposed account once the delay is over; anybody may. Example: `trader apply-fee-account`."""
    from tallystick.state.layout import FEE_ACCOUNT_PENDING

    with open_client(operator) as client:
        answer = client.apply_change(FEE_ACCOUNT_PENDING)
    print_answer(answer, as_json)


def sweep(operator: Url = OPERATOR_URL, as_json: Json = False) -> None:
    """Pay the fees kept so far out: a fifth to the funds' treasury, the rest to the account of the fees; anybody may.

    Without such an account the treasury takes all. Example: `trader sweep`.
    """
    with open_client(operator) as client:
        answer = client.sweep()
    print_answer(answer, as_json)


def top_up(market: Market, operator: Url = OPERATOR_URL, as_json: Json = False) -> None:
    """Bring a market's insurance fund back to its rule fund_units, out of the treasury, once a day; anybody may.

    Example: `trader top-up 0`.
    """
    with open_client(operator) as client:
        answer = client.top_up(present(client, market))
    print_answer(answer, as_json)


def _next_series(client: TraderClient, market: MarketName) -> SignedMarket:
    """Return a market as a listing names it: in series 0 when it is new, in the next one when it has settled.

    One that lives is named as it is: the same listing gets the same answer. Raises: BadInput for another series.
    """
    from tallystick.errors import BadInput
    from tallystick.records.market_names import market_name, signed_market

    listed = next((each for each in client.markets() if each.market == market.market), None)
    series = 0 if listed is None else listed.series + (listed.status == "settled")
    if market.series not in (None, series):
        raise BadInput("a listing begins the next series", next=market_name(market.market, series))
    return signed_market(market.market, series)


def governance_key(deployment: Path, key_file: Path | None, password_file: Path | None) -> bytes:
    """Return the governance key.

    Raises: ConfigError without a key file, BadInput when it holds another key.
    """
    from tallystick.errors import BadInput, ConfigError
    from tallystick.records.signing import address_of
    from tallystick.trader.commands.venue import read_genesis

    genesis = read_genesis(deployment)
    if key_file is None:
        raise ConfigError("this needs the governance key", hint="--key-file FILE, or TALLYSTICK_KEY_FILE")
    key = bytes(load_key(key_file, password_file).key)
    if bytes.fromhex(address_of(key)[2:]) != genesis.governance:
        raise BadInput("only governance does this", governance="0x" + genesis.governance.hex(), key=address_of(key))
    return key


def parse_rules(given: list[str] | None) -> dict[str, int]:
    """Return rules given as NAME=NUMBER.

    Raises: BadInput for a name that is no rule, or what is no number.
    """
    from tallystick.errors import BadInput
    from tallystick.numbers import natural
    from tallystick.schema.market_rules import RULES

    rules: dict[str, int] = {}
    for each in given or []:
        name, _, number = each.partition("=")
        if name not in RULES:
            raise BadInput(f"{each} is no rule: give NAME=NUMBER", hint=f"the rules are {', '.join(RULES)}")
        rules[name] = natural(number)
    return rules


def _ppm(percent: float) -> int:
    return round(percent * PPM_OF_A_PERCENT)
