"""What proves itself by a block's hash: headers, receipts, logs."""
