"""The command `modelyard`: a user of the public API like any other, and what starts and stops a server."""
