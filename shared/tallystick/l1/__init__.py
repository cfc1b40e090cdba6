"""Everything that touches L1: the development chain, its client, the transaction queue and the event reader."""
