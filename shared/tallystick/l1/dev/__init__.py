"""The development chain: Ethereum's rules in one process, with a clock that can be moved."""
