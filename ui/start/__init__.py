"""Start: one photo on its way through the network, step by step, beside the network itself."""
