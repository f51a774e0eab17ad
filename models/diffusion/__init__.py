"""Diffusion pipelines, which draw pictures from a prompt: the code that Triton's Python backend runs (`model.py`), its layout in a model
repository (`layout.py`), and a generated pipeline of a few thousand weights for tests (`tiny.py`). They need PyTorch and `diffusers`, in a
separate environment: `make diffusion`.
"""
