"""What comes in: records at the door, messages from L1."""
