"""Files that clients name by URLs: fetched, stored, and from then on like uploads."""
