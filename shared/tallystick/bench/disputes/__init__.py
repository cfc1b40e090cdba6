"""What a dispute takes, alone and against many."""
