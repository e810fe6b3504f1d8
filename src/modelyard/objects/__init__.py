"""Where packages, inputs and outputs live: the object store port, and a directory on this machine behind it."""
