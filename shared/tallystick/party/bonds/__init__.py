"""Bonds that several pay together, from a member's side."""
