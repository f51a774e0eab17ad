"""gRPC servers and channels."""
