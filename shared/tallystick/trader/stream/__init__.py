"""Following an operator's stream: what to say, what was missed, and copies of books, orders and accounts that are kept up."""
