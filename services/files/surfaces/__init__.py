"""Servicers, one per surface: they translate between messages and the domain, and decide nothing."""
