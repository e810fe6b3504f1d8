"""What models need on this machine's disk: snapshots of their packages, environments of their dependencies."""
