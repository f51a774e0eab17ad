"""accounts: who may call. Accounts, API keys, and the answer to every request at the edge."""
