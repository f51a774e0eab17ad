"""Webhooks: who is told of the end of tasks and batches, and the sender that tells them."""
