"""Histories of orders: placed, matched, refused, liquidated."""
