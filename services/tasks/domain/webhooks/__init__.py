"""Webhooks: the receivers that are notified when tasks and batches end, and the sender that notifies them."""
