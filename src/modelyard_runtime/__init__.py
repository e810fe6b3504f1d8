"""The model server: one process, one model, HTTP on one socket. Imports nothing of `modelyard`."""
