"""A machine that works for another one's Darkroom: it joins with a token, and runs a worker and a model server of its own.

It opens connections and accepts none. `python -m deploy.worker` is its command line; docs/operator/remote-workers.md explains it.
"""
