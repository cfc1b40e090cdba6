"""Plays of a stream: traders, an L1 that goes other ways, clients that come, go and do not read. In the end every copy is
what the operator's views say.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.records.items import Item, pack_items
from tallystick.records.signing import make, sign
from tallystick.shapes.market_data import Trade
from tallystick.state.layout import FLAG_IOC, FLAG_POST_ONLY, FLAG_TRIGGER_ABOVE
from tallystick.state.ordinals import AccountId, MarketId, UnixSeconds
from tallystick.testing.scenarios.orders.many_orders import cancel, place, replace
from tallystick.testing.world import START, key
from tallystick.trader.stream.listening import Of
from tallystick_operator.api import views
from tallystick_operator.api.past import account_fill
from tallystick_operator.push.sessions import SLOW, Limits
from tests.operator.listeners import Listener, hub_of, login_of, settled, turn
from tests.operator.rig import MakeRig, Rig
from tests.operator.test_resequence import settle
from tests.operator.test_resequence_model import Match

ALL = 1 << 24
NAMES = {1: "alice", 2: "bob"}
LIMITS = Limits(queued_characters=20_000)
MARKETS = (0, 1, 3)


class Play(Match):
    """A match with listeners: of each account one that reads always, and one that does not."""

    def __init__(self, rig: Rig, seed: int) -> None:
        super().__init__(rig, seed)
        self.hub = hub_of(rig, LIMITS, seed)
        self.dropped = 0
        self.listeners = [self.listener(account) for account in (1, 2, 1, 2)]
        for each in self.listeners:
            each.connect()

    def listener(self, account: int) -> Listener:
        wanted = [Of(name, market) for market in MARKETS for name in ("book", "trades", "market")]
        wanted += [Of(name, account) for name in ("orders", "fills", "account", "events")]
        return Listener(self.hub, [*wanted, Of("clock"), Of("feed")], login_of(self.rig, account, NAMES[account]))

    def act(self) -> None:
        """Do something, of every kind there is."""
        chance, rig = self.chance, self.rig
        account = 1 + chance.randrange(2)
        often = ["order"] * 5 + ["conditional"] * 5 + ["bulk"] * 3 + ["cancel"] * 2 + ["report"] * 2
        kind = chance.choice([*often, "cancel_all", "dead_man", "wait", "force", "block"])
        own = rig.core.executor.read_model.slots_of(AccountId(account))
        ids = [rig.core.executor.read_model.orders[slot].client_id for slot in own] or [1]
        now = rig.core.clock.now_ms()
        more: dict[str, int] = {}
        if chance.random() < 0.3:
            more["expiry_ms"] = now + chance.randrange(1, 40_000)
        price, side = 617_990 + chance.randrange(20), chance.randrange(2)
        fields = {
            "side": side,
            "price_ticks": price,
            "lots": 1 + chance.randrange(9),
            "client_id": chance.randrange(1, 1 << 40),
        }
        if kind == "order":
            fields["flags"] = chance.choice([0, 0, 0, FLAG_IOC])
            self.give("order", account, market=chance.choice([0, 0, 0, 1]), **fields, **more)
        elif kind == "conditional":
            pair = chance.choice([0, chance.choice(ids)])
            trigger = chance.choice([0, 617_900, 618_100])
            if pair or trigger:
                fields["flags"] = {0: FLAG_POST_ONLY, 618_100: FLAG_TRIGGER_ABOVE}.get(trigger, 0)
                self.give("conditional", account, market=0, trigger_ticks=trigger, pair=pair, **fields, **more)
        elif kind == "bulk":
            items = [chance.choice([cancel(chance.choice(ids)), replace(chance.choice(ids), side, price, 3)])]
            items += [self.smaller(slot) for slot in own[-1:]]
            items += [place(chance.randrange(1, 1 << 40), side, price - 5 + at, 2) for at in range(chance.randrange(4))]
            values = {"account": account, "agent": 0, "nonce": rig.next_nonce(account), "expiry_ms": 0}
            rig.send(sign(make("bulk", pack_items(items), **values), rig.core.domain, key(NAMES[account])))
        elif kind == "cancel":
            self.give("cancel", account, client_id=chance.choice(ids))
        elif kind == "cancel_all":
            self.give("cancel_all", account)
        elif kind == "dead_man":
            self.give("dead_man", account, time_ms=chance.choice([0, 0, now + chance.randrange(1, 30_000)]))
        elif kind == "report":
            self.report(chance.choice([617_850, 618_000, 618_150]))
        elif kind == "force":
            self.force()
            rig.hear()
        else:
            rig.seconds += chance.randrange(1, 12)
            if kind == "block":
                rig.core.clock.observe(UnixSeconds(START + int(rig.seconds)))
                self.report(618_000)

    def report(self, price: int) -> None:
        for market in (0, 1):
            self.rig.send(*[self.rig.report(signer, price, market) for signer in range(3)])

    def smaller(self, slot: int) -> Item:
        """Return the replace that makes an order smaller in its place."""
        state = self.rig.core.executor.state
        order = views.order(state, self.rig.core.executor.read_model, slot)
        return replace(
            order.client_id, order.side, order.price_ticks, max(1, order.remaining_lots - 1), market=int(order.market)
        )

    def give(self, kind: str, account: int, **values: int) -> None:
        self.rig.send(
            self.rig.signed(kind, NAMES[account], account=account, nonce=self.rig.next_nonce(account), **values)
        )

    def listen(self) -> None:
        """Have the hub look, and some clients read, leave or come back."""
        chance = self.chance
        turn(self.rig, self.hub)
        for at, each in enumerate(self.listeners):
            if each.session is None:
                if chance.random() < 0.4:
                    each.connect()
                continue
            if each.session.closed is not None:
                assert each.session.closed[0] == SLOW
                self.dropped += 1
                each.disconnect()
            elif chance.random() < 0.05:
                each.disconnect()
            elif at < 2 or chance.random() < 0.03:
                each.read(1 << 30 if at < 2 else chance.randrange(30))

    def at_rest(self) -> None:
        """Let everybody come back and read, and compare what they have."""
        for _ in range(3):  # one turn may have more to tell than may wait here
            for each in self.listeners:
                if each.session is not None:
                    each.read()
                if each.session is not None and each.session.closed is not None:
                    each.disconnect()
                if each.session is None:
                    each.connect()
            settled(self.rig, self.hub, *self.listeners)
        for each in self.listeners:
            assert each.session is not None and each.session.closed is None
            compare(self.rig, each)


def compare(rig: Rig, listener: Listener) -> None:
    """Check a client's copies against the operator's views."""
    core = rig.core
    with core.as_of_now():
        state, read_model = core.executor.state, core.executor.read_model
        for of, copy in listener.tracker.copies.items():
            found: Any = copy
            number = of.number or 0
            account = AccountId(number)
            if of.name == "book":
                shown = views.book(state, MarketId(number), ALL)
                assert (found.best(0, ALL), found.best(1, ALL)) == (shown.bids, shown.asks), of
                assert found.series == shown.series
            elif of.name == "market":
                assert found.value == views.market(state, MarketId(number)), of
            elif of.name == "trades":
                known: list[Trade] = read_model.trades(MarketId(number), 0)[::-1]
                assert found.newest[:100] == known[: len(found.newest[:100])], of
                assert len(found.newest) >= min(len(known), 100)
            elif of.name == "orders":
                rests = views.orders(state, read_model, account)
                assert found.by_slot == {each.slot: each for each in rests}, of
            elif of.name == "account":
                assert found.value == views.account(state, read_model, account, with_orders=False), of
            elif of.name == "fills":
                fills = [account_fill(each, account) for each in read_model.history.fills(account)][::-1]
                assert found.newest[:100] == fills[: len(found.newest[:100])], of
                assert len(found.newest) >= min(len(fills), 100)
            elif of.name == "clock":
                assert found.value.clock_ms == state.registers.clock_ms
            else:
                numbers = [each.sequence for each in found.newest]
                assert found.next == read_model.history.sequence or of.name == "events"
                assert of.name == "events" or numbers == sorted(set(numbers))


def play(match: Play, turns: int, *, rewinds: bool) -> None:
    for at in range(turns):
        for _ in range(match.chance.randrange(4)):
            match.act()
        match.listen()
        if rewinds and at % 40 == 39:
            match.post()
            match.turn()
            for _ in range(match.chance.randrange(3)):
                match.listen()
            settle(match.rig)
            match.post()
        if at % 25 == 24:
            match.at_rest()
    match.at_rest()


@pytest.mark.parametrize("seed", range(4))
def test_every_copy_is_what_the_views_say_whatever_was_traded_missed_or_taken_back(
    seed: int, make_rig: MakeRig
) -> None:
    match = Play(make_rig(), seed)
    play(match, 120, rewinds=True)
    assert match.dropped, "somebody was too slow"
    assert len({push.epoch for each in match.listeners for push in each.pushes}) > 2
    told: dict[tuple[Any, ...], bytes] = {}
    for each in match.listeners:
        for push in each.pushes:
            name = (push.channel, push.market, push.account, push.epoch, push.sequence, push.snapshot)
            assert told.setdefault(name, bytes(push.data)) == bytes(push.data), "a number never means two things"


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_any_play_ends_in_agreement(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    rig = Rig(path=tmp_path_factory.mktemp("play"))
    rig.open()
    play(Play(rig, seed), 50, rewinds=False)
    rig.log.close()
