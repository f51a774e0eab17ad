"""Webhooks: who hears of the end of tasks, and the sender that tells them."""
