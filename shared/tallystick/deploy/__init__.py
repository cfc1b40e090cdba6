"""Putting the contracts on a chain, and checking what stands on one."""
