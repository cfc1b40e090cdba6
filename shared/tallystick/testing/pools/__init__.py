"""Random matches over many generations in which the honest side has no bond of its own: members of pools pay each.

`rules` are the pools as plain Python, `match` plays them beside the disputes, `twin` has the compiled BondPool take every
call as well.
"""
