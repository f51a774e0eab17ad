"""What the Python client takes from the protos, and its methods without `await`: modules of gen/darkroom."""
