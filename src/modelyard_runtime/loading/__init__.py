"""A package becomes a model: what it holds, what its config.json may say, its script and what that imports."""
