"""Client order ids: each names one order of an account for ever, so that an order sent again is not doubled.

A nonce protects what is sent again byte for byte; a client id protects what was signed anew, after a timeout or a restart
of the trader's own program. It is the operator that keeps to this, not the machine: both records would be valid.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from tallystick.records.codec import Record
from tallystick.records.items import ITEM_PLACE, item_heads
from tallystick.schema.names import Outcome
from tallystick.shapes.submitting import Answer, ItemResult
from tallystick.state.ordinals import AccountId
from tallystick_operator.intake.door import Refused
from tallystick_operator.remembered import First, HeldIds, Terms
from tallystick_operator.sequencer.readmodel import ReadModel

IDS_KEPT = 200_000
"""Ids remembered, the newest ones of all accounts; an order that rests is known by its id however old it is."""
UNTOLD: Final = frozenset({"agent", "nonce", "pair_slot"})
"""Fields in which the same order may differ when it is sent again."""


class ClientIds:
    """The ids used so far, by account."""

    def __init__(self, read_model: ReadModel) -> None:
        self._read_model = read_model
        self._first: OrderedDict[tuple[AccountId, int], First] = OrderedDict()

    def first(self, record: Record) -> bytes | None:
        """Return the key of the submission by which this very order was taken before, None when it is new.

        Raises: Refused when one of its ids names another order.
        """
        ids = [client_id for _, client_id in _placed(record) if client_id]
        if not ids:
            return None
        if len(set(ids)) < len(ids):
            raise _used(next(each for each in ids if ids.count(each) > 1))
        account, terms = AccountId(record.value("account")), _terms(record)
        for client_id in ids:
            known = self._first.get((account, client_id))
            if known is not None and known.terms == terms:
                return known.key
            if known is not None or self._read_model.slot_of(account, client_id) is not None:
                raise _used(client_id)
        return None

    def held(self) -> HeldIds:
        """Return what a snapshot keeps of them; orders of one bulk share their use."""
        firsts = list({id(each): each for each in self._first.values()}.values())
        places = {id(each): at for at, each in enumerate(firsts)}
        ids = [(account, number, places[id(each)]) for (account, number), each in self._first.items()]
        return HeldIds(firsts=firsts, ids=ids)

    def put_back(self, held: HeldIds) -> None:
        """Become what was held."""
        self._first.update(((account, number), held.firsts[at]) for account, number, at in held.ids)

    def remember(self, record: Record, key: bytes, answer: Answer) -> None:
        """Take in what became of a record: what did nothing may come again under the same id."""
        placed = [each for each in _placed(record) if each[1]]
        if not placed:
            return
        account, first = AccountId(record.value("account")), First(terms=_terms(record), key=key)
        for number, client_id in placed:
            effects: Answer | ItemResult | None = answer
            if record.kind.name == "bulk":
                effects = answer.items[number] if number < len(answer.items) else None
            if effects is not None and (effects.outcome == Outcome.ACCEPTED.name or effects.fills):
                self._first[account, client_id] = first
        while len(self._first) > IDS_KEPT:
            self._first.popitem(last=False)


def _placed(record: Record) -> list[tuple[int, int]]:
    """Return the orders a record places, each by its place in it and its client id."""
    if record.kind.name == "bulk":
        heads = enumerate(item_heads(record.blobs[0]))
        return [(number, client_id) for number, (what, client_id) in heads if what == ITEM_PLACE]
    return [(0, record.value("client_id"))] if record.kind.name in ("order", "conditional") else []


def _terms(record: Record) -> Terms:
    fields = zip(record.kind.fields, record.values, strict=True)
    told = tuple(value for field, value in fields if field.name not in UNTOLD)
    return (record.kind.number, *told, *record.blobs[:1])


def _used(client_id: int) -> Refused:
    message = f"client id {client_id} names another order already; `trader order-status {client_id}` shows it"
    return Refused(409, "client_id_used", message, "client_id")
