"""Nouns: frozen values and enums that every layer shares. Standard library only, and no I/O."""
