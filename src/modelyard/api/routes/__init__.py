"""One module for each resource of the API: its paths, and which use case answers each."""
