"""Pictures whose files are written again without being decoded: their coded samples stay, or are moved, and lose nothing."""
