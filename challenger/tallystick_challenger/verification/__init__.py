"""Replaying what L1 holds and judging what was asserted, on every core or a cluster."""
