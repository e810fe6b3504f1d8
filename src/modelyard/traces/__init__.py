"""Spans on their way to a receiver."""
