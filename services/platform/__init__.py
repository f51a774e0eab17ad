"""What every process of the platform needs, whatever it processes: it knows no service and nothing of pictures."""
