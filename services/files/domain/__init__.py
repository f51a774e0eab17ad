"""What files does: rules and sequences of steps, without gRPC and without SQL."""
