"""An operator's hot path, measured over sockets: from a signed record to its durable acknowledgement."""
