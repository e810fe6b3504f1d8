"""Sending notifications: a channel for each kind of endpoint that subscriptions have."""
