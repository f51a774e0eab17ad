"""The edge: Envoy's configuration, rendered from the protos and a few settings."""
