"""The trader's side: a typed client of an operator, receipts to hold it to, and the command line."""
