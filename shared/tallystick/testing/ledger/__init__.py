"""An independent set of books, and holding a state against it."""
