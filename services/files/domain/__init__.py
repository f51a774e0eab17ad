"""The logic of files: rules and sequences of steps, without gRPC and without SQL."""
