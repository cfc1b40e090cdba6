"""What a challenger tells: events, metrics, alerts."""
