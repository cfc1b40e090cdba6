"""The whole road in one command: an exchange, its traders, and a liar."""
