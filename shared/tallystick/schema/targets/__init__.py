"""What the declaration is written to: both languages and the documentation."""
