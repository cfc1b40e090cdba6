"""`trader block`: offers that hang anywhere, accepted by the operator or put through L1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tallystick.errors import REJECTED, BadInput, ConfigError, TallystickError
from tallystick.ports.system import SystemChance
from tallystick.records.codec import encode
from tallystick.records.signing import make
from tallystick.state.layout import STALE_MS
from tallystick.trader.commands.dealing import app as block_app
from tallystick.trader.offers import apart, from_text
from tallystick.transport import OperatorRefused, OperatorUnreachable
from tests.trader.conftest import Shell

PRICE = "618000"
NOWHERE = "http://127.0.0.1:9"


def size(shell: Shell, who: str) -> int:
    """Return a trader's position in market 0."""
    return sum(each["size_lots"] for each in shell.json(who, "account")["positions"])


def test_an_offer_is_one_word_that_says_what_it_is_and_trades_when_it_is_accepted(shell: Shell) -> None:
    before = size(shell, "alice"), size(shell, "bob")
    made = shell.json("alice", "block", "offer", "0", "sell", "4", PRICE)
    assert made["record"].startswith("0x17")
    assert not made["accepted"]
    said = shell.run("", "block", "show", made["record"])
    assert f"account 1 sells 4 lots of market 0 at {PRICE} to anybody; it ends: 20" in said
    said = shell.run("bob", "block", "accept", made["record"])
    assert f"filled 4 lots at {PRICE} with account 1" in said
    assert (size(shell, "alice"), size(shell, "bob")) == (before[0] - 4, before[1] + 4)
    assert "maker of a block trade, against account 2" in shell.run("alice", "fills", "--limit", "1")
    (fill,) = shell.json("bob", "fills", "--limit", "1")
    assert (fill["role"], fill["side"], fill["lots"], fill["block"]) == ("taker", 0, 4, True)
    with pytest.raises(OperatorRefused) as refused:
        shell.run("bob", "block", "accept", made["record"])
    assert refused.value.code == "nonce_used"


def test_an_offer_goes_through_a_file_and_ends_after_half_an_hour_unless_it_says_otherwise(
    shell: Shell, tmp_path: Path
) -> None:
    path = tmp_path / "offer.txt"
    said = shell.run("alice", "block", "offer", "0", "buy", "4", PRICE, "--to", "2", "--out", str(path))
    assert "buys 4 lots" in said
    assert "from account 2 only" in said
    first, later = (
        from_text(str(path)),
        shell.json("alice", "block", "offer", "0", "buy", "4", PRICE, "--good-til", "8h"),
    )
    assert abs(later["expiry_ms"] - first.value("expiry_ms") - 7.5 * 3_600_000) < 120_000
    assert shell.json("bob", "block", "accept", str(path))["outcome"] == "ACCEPTED"


def test_several_prices_have_one_nonce_and_orders_do_not_end_an_offer(shell: Shell) -> None:
    offers = [
        shell.json("alice", "block", "offer", "0", "buy", "1", price, "--nonce", "3000") for price in ("617990", PRICE)
    ]
    kept = shell.json("alice", "block", "offer", "0", "buy", "1", "617995")
    shell.run("alice", "order", "0", "buy", "1", "600000", "--client-id", "77")
    shell.run("alice", "cancel", "77")
    assert shell.json("bob", "block", "accept", kept["record"])["outcome"] == "ACCEPTED"
    assert shell.json("bob", "block", "accept", offers[0]["record"])["outcome"] == "ACCEPTED"
    with pytest.raises(OperatorRefused):
        shell.run("bob", "block", "accept", offers[1]["record"])


def test_what_must_only_reduce_is_held_to_it(shell: Shell) -> None:
    made = shell.json("alice", "block", "offer", "0", "sell", "900", PRICE, "--reduce-only", "--taker-reduces")
    assert made["reduces"] == 3
    with pytest.raises(OperatorRefused) as refused:
        shell.run("bob", "block", "accept", made["record"])
    assert refused.value.code == "nothing_to_reduce"


def test_sub_accounts_and_agents_offer_and_accept(shell: Shell) -> None:
    shell.run("bob", "transfer", "2", "100000")
    made = shell.json("alice", "block", "offer", "0", "sell", "1", PRICE)
    assert shell.json("bob", "block", "accept", made["record"], "--sub", "2")["outcome"] == "ACCEPTED"
    back = shell.json("bob", "block", "offer", "0", "sell", "1", PRICE, "--sub", "2")
    assert back["account"] == (2 << 28) + 2
    assert shell.json("alice", "block", "accept", back["record"])["outcome"] == "ACCEPTED"


def test_a_margin_that_is_missing_is_told_and_the_offer_lives_on(shell: Shell) -> None:
    made = shell.json("alice", "block", "offer", "0", "sell", "2", PRICE)
    shell.run("bob", "transfer", "3", "1")
    assert "margin: the account's value" in shell.run(
        "bob", "block", "accept", made["record"], "--sub", "3", exit_code=REJECTED
    )
    assert shell.json("bob", "block", "accept", made["record"])["outcome"] == "ACCEPTED"


@pytest.mark.parametrize(
    ("who", "arguments", "error", "words"),
    [
        ("alice", ["offer", "0", "hold", "1", PRICE], BadInput, "no such side"),
        ("alice", ["offer", "0", "buy", "1", PRICE, "--good-til", "1999-01-01"], BadInput, "over"),
        ("", ["offer", "0", "buy", "1", PRICE], BadInput, "needs a key"),
        ("alice", ["offer", "0", "buy", "1", PRICE, "--operator", NOWHERE], OperatorUnreachable, "no answer"),
        ("alice", ["offer", "0", "buy", "1", PRICE, "--from-l1"], BadInput, "which nonces"),
        ("alice", ["show", "nowhere.txt"], BadInput, "neither an offer nor a file"),
        ("alice", ["show", "0xzz"], BadInput, "hexadecimal"),
        ("alice", ["show", "0x17c0"], BadInput, "no block trade"),
        ("alice", ["show", "0x" + encode(make("clock", clock_ms=5)).hex()], BadInput, "no block trade"),
        ("", ["force", "{trade}"], ConfigError, "needs a key"),
        ("bob", ["force", "{offer}"], BadInput, "nobody has accepted"),
        ("bob", ["force", "{short}"], BadInput, "live longer"),
        ("bob", ["force", "{forged}"], BadInput, "not signed by the owner"),
        ("alice", ["accept", "{offer}"], BadInput, "your own account"),
        ("bob", ["accept", "{other}"], BadInput, "to another account"),
        ("bob", ["accept", "{offer}", "--from-l1", "--nonce", "900"], BadInput, "nobody to send it to"),
    ],
)
def test_a_command_that_cannot_work_says_why(
    shell: Shell, samples: dict[str, str], who: str, arguments: list[str], error: type[TallystickError], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        shell.run(who, "block", *(each.format(**samples) for each in arguments))
    assert caught.value.exit_code != 0


@pytest.fixture(scope="module")
def samples(shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Offers and accepted ones that are good for nothing in one way each."""
    folder = tmp_path_factory.mktemp("samples")

    def offer(*more: str) -> str:
        return str(shell.json("alice", "block", "offer", "0", "sell", "1", PRICE, *more)["record"])

    def accept(who: str, offered: str, *more: str) -> str:
        path = folder / f"{len(list(folder.iterdir()))}.txt"
        shell.run(who, "block", "accept", offered, "--out", str(path), *more)
        return str(path)

    plain = offer()
    return {
        "offer": plain,
        "other": offer("--to", "7"),
        "trade": accept("bob", plain),
        "short": accept("bob", offer("--good-til", "10m")),
        "forged": accept("agent", plain, "--account", "2", "--nonce", "900"),
    }


def test_a_trade_that_the_operator_never_hears_of_goes_through_l1(shell: Shell, tmp_path: Path) -> None:
    before = size(shell, "alice"), size(shell, "bob")
    offered, trade = str(tmp_path / "offer.txt"), str(tmp_path / "trade.txt")
    silent = ("--from-l1", "--operator", NOWHERE)
    shell.run("alice", "block", "offer", "0", "sell", "5", PRICE, "--out", offered, "--nonce", "9000", *silent)
    shell.run("bob", "block", "accept", offered, "--out", trade, "--nonce", "9000", *silent)
    said = shell.run("bob", "block", "force", trade)
    assert "queued on L1; a batch must take it in within 900 seconds" in said
    shell.scene.wait(lambda: size(shell, "alice") == before[0] - 5, "the trade", mine=1)
    assert size(shell, "bob") == before[1] + 5


def test_two_who_leave_while_prices_have_stopped_are_told_the_way_and_go_it(shell: Shell, tmp_path: Path) -> None:
    before = size(shell, "alice"), size(shell, "bob")
    offered, trade = str(tmp_path / "offer.txt"), str(tmp_path / "trade.txt")
    opened = shell.json("alice", "block", "offer", "0", "sell", str(6 + abs(before[0])), PRICE)
    assert shell.json("bob", "block", "accept", opened["record"])["outcome"] == "ACCEPTED"
    held = abs(size(shell, "alice"))
    shell.scene.stage.chain.request("evm_increaseTime", hex(STALE_MS // 1_000 + 5))
    shell.scene.wait(lambda: shell.json("", "markets")[0]["status"] != "live", "the halt", mine=1)
    shell.run("alice", "block", "offer", "0", "buy", str(held), PRICE, "--out", offered)
    with pytest.raises(OperatorRefused) as refused:
        shell.run("bob", "block", "accept", offered)
    assert "block force" in refused.value.hint
    shell.run("bob", "block", "accept", offered, "--out", trade)
    shell.run("alice", "block", "force", trade)
    shell.scene.wait(lambda: size(shell, "alice") == 0, "the trade", mine=1)


def test_help_teaches_with_examples() -> None:
    runner = CliRunner()
    text = " ".join(runner.invoke(block_app, ["--help"]).output.split())
    assert "trader block offer 0 sell 20 617985 --out offer.txt" in text
    assert "trader block force trade.txt" in text
    for name in ("offer", "accept", "force", "show"):
        said: Any = runner.invoke(block_app, [name, "--help"])
        assert said.exit_code == 0
        assert f"`trader block {name}" in " ".join(said.output.split())


@pytest.mark.parametrize(("next_nonce", "least"), [(0, 128), (127, 128), (128, 256), (200, 256)])
def test_the_nonce_of_an_offer_is_in_the_next_word_of_the_window(next_nonce: int, least: int) -> None:
    assert all(least <= apart(next_nonce, SystemChance()) < least + 128 for _ in range(200))
