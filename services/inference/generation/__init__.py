"""Making pictures from a prompt: outside providers and the local model behind one interface.

`contract/provider.py` defines the request and the provider interface; each provider has one module, with the table by which
a request is expressed for it.
`making.py` sends the requests, keeps the results, and decides what to do about those that failed.
"""
