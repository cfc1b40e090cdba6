"""What the steps share about orders beside the book: whether their accounts carry them, and their pairs."""
