"""The surfaces of the service: one servicer each, translating between messages and the domain."""
