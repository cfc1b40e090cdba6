"""Tallystick: a derivatives exchange that matches off chain and that nobody has to trust."""

import os

# pycryptodome hashes ten times slower; eth_hash reads this once, at its first import.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

__version__ = "0.1.0"
