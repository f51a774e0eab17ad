"""Whose turn it is: fairness between accounts, priorities, limits, and how long it will take."""
