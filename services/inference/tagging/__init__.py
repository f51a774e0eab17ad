"""What picture files say besides their pictures (Exif, IPTC, XMP), changed without touching the pictures."""
