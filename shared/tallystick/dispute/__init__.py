"""The dispute from a player's side: its own trace, what L1 shows, and the next moves."""
