"""Services, as users change them: created, updated, stopped, deleted, and what a change would do."""
