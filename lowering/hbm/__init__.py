"""Where tensors lie in HBM, in what format, and what the host does with arguments and results."""
