"""The native gRPC API."""
