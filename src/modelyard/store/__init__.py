"""The store port, by topic, and behind it SQLite and PostgreSQL with the same code (`sql`)."""
