"""What a challenger sees of L1 and of itself."""
