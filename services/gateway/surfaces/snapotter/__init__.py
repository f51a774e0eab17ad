"""SnapOtter's API: people who sign in, and picture tools that take a form."""
