"""Who leads: a log in a stream that several may follow, a lease on leading, and an operator that waits for its turn."""
