"""Doors: what stands between an instance's socket and a program that is any HTTP server (decision 0042).

command   the door of a command: starts it, relays to it, and ends as it does
hint      tells where a command listens instead of where it should
ports     who listens on a port of this machine, and who is believed
reach     how the program's port or socket is connected to
flow      one direction of a connection: bytes from socket to socket, within the kernel
relay     accepts, connects, and moves bytes both ways, until both sides have said all
counts    tells how many connections are inside
"""
