"""What the steps share about markets: the book, trades, funding, margin, liquidation."""
