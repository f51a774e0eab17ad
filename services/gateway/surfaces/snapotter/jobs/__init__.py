"""Jobs: their ids, and what is told of them while they run."""
