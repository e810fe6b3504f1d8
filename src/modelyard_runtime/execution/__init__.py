"""Where and when the model runs: on one thread, on several, in batches, or on an event loop."""
