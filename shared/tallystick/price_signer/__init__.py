"""A price signer: it gathers prices from many sources, signs what they agree on, and has the exchange take it."""
