"""Verbs: pure functions over the domain. No clock, no randomness, no input or output: all of it is passed in."""
