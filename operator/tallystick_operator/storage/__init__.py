"""What an operator keeps on disk: the log in its files, snapshots beside it, and what one does with both."""
