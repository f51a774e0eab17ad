"""Reading animations and videos: the worker's side, and what runs in the child."""
