"""A package becomes a model: what it holds, what it may say, and its script with all that this imports."""
