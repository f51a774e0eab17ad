"""The audit log: who changed what in an account, when, and from where.

Each service has a table `audit` in its own database, and writes an entry in the statement or transaction that makes the change, so that
there is never one without the other. accounts reads all parts for the account's owner.
"""
