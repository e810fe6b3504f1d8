"""A package on its author's machine, without a control plane: `modelyard check` and `modelyard run`."""
