"""Random trading for Hypothesis: strategies, and a state machine over all kinds of record beside the ledger."""
