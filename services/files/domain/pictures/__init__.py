"""Pictures by URL: the keys that sign URLs, what a URL means, and the pictures that are made for URLs and kept."""
