"""How fast lines are kept, and how fast they are found again."""
