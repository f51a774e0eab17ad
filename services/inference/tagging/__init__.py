"""The metadata of picture files (Exif, IPTC, XMP), changed without touching the pictures."""
