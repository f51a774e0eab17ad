"""Making pictures from a prompt: outside providers and the local model behind one interface.

`request.py` is what is asked, `provider.py` who can do it, with one module and one table (`*_table.py`) for each of them; `making.py`
asks, keeps what came, and decides what becomes of a part that failed.
"""
