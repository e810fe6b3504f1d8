"""The port to the database, and SQLite and PostgreSQL behind it."""
