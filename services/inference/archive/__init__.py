"""What ZIP archives hold."""
