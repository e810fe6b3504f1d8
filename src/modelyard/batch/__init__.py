"""The run of a batch task: planning its input, handing splits to workers, publishing and assembling results."""
