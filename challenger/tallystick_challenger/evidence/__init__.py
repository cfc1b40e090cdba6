"""What can be taken away and judged elsewhere."""
