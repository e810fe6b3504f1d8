"""Instances that are images: containers of an engine that speaks the Docker API, each behind a door."""
