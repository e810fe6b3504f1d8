"""Nouns: frozen values and enums that every layer shares. Standard library only, no behaviour that does I/O."""
