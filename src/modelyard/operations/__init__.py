"""Use cases: each checks what the caller may do, validates, writes, and tells the loop to look again."""
