"""Makes the documents for measuring watermark removal from PDFs, with real producers and known ground truth.

It runs in the benchmark environment, which has the producers: `python -m benchmarks.quality._pdf_set FOLDER`.
"""
