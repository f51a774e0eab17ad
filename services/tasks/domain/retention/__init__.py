"""What is kept for how long, and the sweep that removes the rest."""
