"""Doors: what stands between an instance's socket and a program that is any HTTP server (decision 0042).

reach     how the program's port is connected to, also in another network namespace
flow      one direction of a connection: bytes from socket to socket, within the kernel
relay     accepts, connects, and moves bytes both ways, until both sides have said all
counts    tells how many connections are inside
"""
