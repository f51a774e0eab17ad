"""The public APIs that the gateway answers parts of."""
