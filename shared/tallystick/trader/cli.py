"""Trade: deposit, place and cancel orders, look at the book, withdraw, claim."""

from __future__ import annotations

from typing import Final

from tallystick.commands import App
from tallystick.trader.commands import agents, placing, several, slashing, vault, venue
from tallystick.trader.commands import dealing as blocks
from tallystick.trader.commands import fills as past
from tallystick.trader.commands import listing as governance
from tallystick.trader.commands import queries as looking
from tallystick.trader.commands import tidying as closing

EPILOG = (
    "Examples: `trader mint 1000 --key-file alice.key`, `trader deposit 1000 --key-file alice.key`, "
    "`trader order 0 buy 5 617990 --key-file alice.key`, `trader order 0 sell 5 --market --slippage 0.2`, "
    "`trader book 0`, `trader cancel-all`, `trader withdraw 250 --key-file alice.key`, "
    "`trader claim 0 --key-file alice.key`. Each command's --help has its own. Set TALLYSTICK_KEY_FILE, "
    "TALLYSTICK_OPERATOR, TALLYSTICK_L1_RPC and TALLYSTICK_DEPLOYMENT once and leave the options out."
)

app = App(
    "trader",
    help="Trade: deposit, place and cancel orders, look at the book, withdraw, claim.",
    epilog=EPILOG,
)

COMMANDS: Final = (
    looking.markets,
    looking.book,
    looking.trades,
    looking.account,
    past.order_status,
    past.orders,
    past.fills,
    past.funding,
    past.follow,
    placing.order,
    placing.cancel,
    placing.cancel_all,
    placing.dead_man,
    several.bulk,
    several.transfer,
    agents.approve_agent,
    agents.revoke_agent,
    agents.list_agents,
    vault.mint,
    vault.deposit,
    vault.withdraw,
    vault.withdrawals,
    vault.claim,
    vault.force_withdraw,
    vault.force_cancel,
    vault.force_close,
    closing.liquidate,
    closing.take_over,
    closing.nominate_adl,
    closing.deleverage,
    closing.settle_position,
    closing.settle_account,
    closing.clean,
    venue.report_price,
    governance.list_market,
    governance.change_market,
    governance.apply_change,
    governance.change_fee_account,
    governance.delist,
    governance.apply_fee_account,
    governance.sweep,
    governance.top_up,
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(blocks.app, name="block")
app.add_typer(slashing.app, name="receipts")
