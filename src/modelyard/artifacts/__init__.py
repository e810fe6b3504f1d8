"""What models leave on this machine: environments of their dependencies, and the removal of what nobody uses."""
