"""What L1 has decided, what waits, what is disputed: for people."""
