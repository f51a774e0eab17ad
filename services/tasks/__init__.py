"""Tasks: accepting, ordering, handing to workers, supervising and reporting them until they end."""
