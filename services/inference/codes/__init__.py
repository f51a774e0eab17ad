"""QR codes that are made, and barcodes that are read."""
