"""The edge: sockets, HTTP through Granian, which path is what, and how a request becomes a job and its answer."""
