"""From sources, which lie, lag and die, to one price a market."""
