"""The gateway: HTTP that transcoding cannot carry, forms above all. No database, no store: it speaks gRPC to the other services."""
