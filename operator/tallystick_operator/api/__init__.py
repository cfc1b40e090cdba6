"""What clients are told over HTTP."""
