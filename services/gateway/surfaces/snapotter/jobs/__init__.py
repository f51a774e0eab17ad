"""Jobs: their ids, and the reports about them while they run."""
