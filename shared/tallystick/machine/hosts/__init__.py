"""What a host asks of a state beside the records that it runs."""
