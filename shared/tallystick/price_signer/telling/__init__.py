"""What a price signer tells: its log, its metrics, its webhook, its page."""
