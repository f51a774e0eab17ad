"""Portraits: where the head is, and photos of it as documents demand them."""
