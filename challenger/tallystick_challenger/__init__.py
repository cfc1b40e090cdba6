"""The challenger: replays every batch from data availability and disputes what is wrong."""
