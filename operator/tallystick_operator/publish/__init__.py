"""What goes out to L1: batches and assertions."""
