"""Recorded market data as orders of synthetic accounts, run through the machine."""
