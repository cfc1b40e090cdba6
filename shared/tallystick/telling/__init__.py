"""What daemons tell the world beside their log: metrics for who asks, alerts for who must be woken."""
