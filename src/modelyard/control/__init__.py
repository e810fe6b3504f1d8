"""The shell around the decisions: look, decide, record, act, again."""
