"""What callers speak: bodies to what a model takes, results to bodies. Nothing here knows a socket or a thread."""
