"""The WebSockets of scripts: one channel each, what a script sees of it, and how all of them begin and end."""
