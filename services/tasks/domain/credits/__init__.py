"""Prices, balances and the ledger."""
