"""The exchange's state: flat typed cells, the registers, and the tree that commits to the cells."""
