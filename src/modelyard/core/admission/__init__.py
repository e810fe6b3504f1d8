"""Admission: whether what a caller asks for may be, and what it becomes. The rules of contract §2 about input."""
