"""What batch services do: how their input is cut and named, what happens next to a task. Pure."""
