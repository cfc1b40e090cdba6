"""Records: the typed, signed envelopes a batch is made of, and the chunks they travel in."""
