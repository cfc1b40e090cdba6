"""What clients are told as it happens, over a stream or by long polls."""
