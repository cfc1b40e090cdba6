"""For tests of this exchange and of its forks: a world to trade in, and the twin runner."""
