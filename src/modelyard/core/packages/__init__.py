"""What a model package must be (contract §3): its files, its config.json, its requirements, its health checks."""
