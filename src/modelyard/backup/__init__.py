"""Backups of a data directory: taken while it is used, checked, restored elsewhere.

A backup is one file, from which everything that cannot be made again comes back: the database, the keys, published
models, objects. `layout` says what lies in it, `archive` how, `taking`, `checking` and `restoring` are the acts.
"""
