"""The HTTP API: requests are read, checked, handed to the use cases and answered in the shapes of contract §1."""
