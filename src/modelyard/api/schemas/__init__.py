"""The wire as Pydantic models: what may be sent, what is answered, and what the published document says."""
