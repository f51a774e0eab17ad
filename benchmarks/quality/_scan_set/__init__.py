"""Scanned pages, with marks whose extent is known and without, split by fonts, words, colours and photographs into seen and held out."""
