"""Batches in blobs of L1: how they are cut, committed to and proven, and how they are kept when nodes drop them."""
