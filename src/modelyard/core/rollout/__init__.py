"""Real-time services: from what is seen of one to what is recorded, started, drained, routed and told."""
