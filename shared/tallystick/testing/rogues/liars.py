"""What a liar does: it plays for what it asserted as far as false hashes go, and proves nothing."""

from __future__ import annotations

from tallystick.party.strategy.strategy import (
    Due,
    Known,
    asserted,
    confirmed,
    moved,
    played,
    rejected,
    true_chain,
    withdrawn,
)


def lie_on(known: Known, *, proposes: bool = True) -> list[Due]:
    """Return the calls of a party whose replay is false: what it takes for true is its lie. One that does not propose
    asserts where others have, and nowhere else.
    """
    chain = list(true_chain(known))
    contests = played(known, chain, proves=False)
    posts = asserted(known, chain)
    if posts and not proposes and not known.rollup.children.get(chain[-1].parent.id):
        posts = []
    due = [*posts, *(move for each in contests for move in moved(known, each))]
    if known.identity.duties.settle:
        due += [*confirmed(known, chain, contests), *rejected(known), *withdrawn(known)]
    return due
