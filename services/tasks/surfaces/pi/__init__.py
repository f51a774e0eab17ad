"""Pi: `/api/v1/jobs`, and what belongs to it."""
