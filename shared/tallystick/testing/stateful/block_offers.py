"""Block trades: offers to anybody and to somebody, accepted by whom they are for, by others, twice."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tallystick.records.codec import Record
from tallystick.records.signing import accept
from tallystick.testing.ledger.ledger_block import BlockLedger, BlockTrade, Party
from tallystick.testing.stateful.governance import Governance
from tallystick.testing.stateful.strategies import ACCOUNTS, LOTS, MARKETS, NAMES, SELDOM, SIDES
from tallystick.testing.world import key

AGENTS = st.sampled_from((0, 0, 0, 1, 2))


class Blocks(Governance):
    """Rules for block trades."""

    ledger: BlockLedger

    @rule(
        pair=st.tuples(ACCOUNTS, ACCOUNTS),
        agents=st.tuples(AGENTS, AGENTS),
        market=MARKETS,
        side=SIDES,
        away=st.one_of(st.integers(-40, 40), st.just(-10_000)),
        lots=LOTS,
        reduces=st.sampled_from((0, 0, 0, 1, 2, 3)),
        counterparty=st.sampled_from((0, 0, 1, 2)),
        lives_ms=st.sampled_from((None, None, 0, 500)),
        stolen=st.sampled_from((0, 0, 0, 0, 0, 1, 2)),
        again=SELDOM,
        through_l1=SELDOM,
    )
    def block(
        self,
        pair: tuple[int, int],
        agents: tuple[int, int],
        market: int,
        side: int,
        away: int,
        lots: int,
        reduces: int,
        counterparty: int,
        lives_ms: int | None,
        stolen: int,
        again: bool,
        through_l1: bool,
    ) -> None:
        """`stolen` says whose key is another's: nobody's, the maker's, the taker's."""
        parties = tuple(
            Party(
                number=account,
                signer="mallory" if stolen == place else f"agent {agent}" if agent else NAMES[account],
                agent=agent,
                nonce=self.nonce(account, False) + place,
                must_reduce=reduces & place != 0,
            )
            for place, account, agent in zip((1, 2), pair, agents, strict=True)
        )
        known = self.ledger.markets.get(market)
        block = BlockTrade(
            maker=parties[0],
            taker=parties[1],
            market=self.named(market),
            side=side,
            price=max(0, (known.mark if known else 1000) + away),
            lots=lots,
            counterparty=counterparty,
            expiry_ms=0 if lives_ms is None else self.ledger.clock_ms + lives_ms,
        )
        for _ in range(2 if again else 1):
            self.play_block(block, through_l1)

    @precondition(lambda self: any(account.positions for account in self.ledger.accounts.values()))
    @rule(data=st.data(), part=st.sampled_from((1, 2, 3)), away=st.integers(-60, 60), through_l1=st.booleans())
    def leave(self, data: st.DataObject, part: int, away: int, through_l1: bool) -> None:
        """Two who hold positions against each other close some of them, whether prices come or not."""
        held = [
            (market, number, lots)
            for number in NAMES
            if number in self.ledger.accounts
            for market, lots in self.ledger.accounts[number].positions.items()
        ]
        pairs = [(long, short) for long in held for short in held if long[0] == short[0] and long[2] > 0 > short[2]]
        if not pairs:
            return
        (market, seller, longs), (_, buyer, shorts) = data.draw(st.sampled_from(sorted(pairs)))
        parties = [
            Party(number=number, signer=NAMES[number], agent=0, nonce=self.nonce(number, False))
            for number in (seller, buyer)
        ]
        price = max(1, self.mark(market) + away)
        lots = max(1, min(longs, -shorts) // part)
        named = self.named(market)
        block = BlockTrade(maker=parties[0], taker=parties[1], market=named, side=1, price=price, lots=lots)
        self.play_block(block, through_l1)

    def play_block(self, block: BlockTrade, through_l1: bool) -> None:
        """Send a block trade to both, through the sequencer or through L1, and compare what they say."""
        record = self.signed_block(block)
        if not through_l1:
            self.same(self.world.send(record), self.ledger.block(block))
            return
        self.seal()
        expected = self.ledger.came_through_l1(self.ledger.block(block, through_l1=True))
        self.same(self.world.force(record), expected)

    def seal(self) -> None:
        """Close the batch; whoever plays knows how."""
        raise AssertionError

    def signed_block(self, block: BlockTrade) -> Record:
        """Return the block trade as a record that both sides have signed."""
        maker, taker = block.maker, block.taker
        offer = self.world.signed(
            "block_trade",
            maker.signer,
            account=maker.number,
            agent=maker.agent,
            nonce=maker.nonce,
            expiry_ms=block.expiry_ms,
            market=block.market,
            side=block.side,
            lots=block.lots,
            price_ticks=block.price,
            counterparty=block.counterparty,
            reduces=int(maker.must_reduce) | 2 * int(taker.must_reduce),
            taker=taker.number,
            taker_agent=taker.agent,
            taker_nonce=taker.nonce,
        )
        return accept(offer, self.world.state.registers.domain, key(taker.signer))
