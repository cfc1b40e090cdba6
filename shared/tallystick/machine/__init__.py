"""The exchange as a machine of small steps; each step has a Solidity twin of the same name."""
