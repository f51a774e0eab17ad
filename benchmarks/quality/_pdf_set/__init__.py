"""Makes the documents that removing watermarks from PDFs is measured with, by real producers and with known truth.

It runs in the environment of the benchmarks, which has the producers: `python -m benchmarks.quality._pdf_set FOLDER`.
"""
