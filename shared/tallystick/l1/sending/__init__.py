"""Writing to L1: keys, fees, and the queue that has each transaction mined once."""
