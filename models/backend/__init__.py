"""What runs inside Triton's Python backend: copied beside each model's weights, without the rest of this package."""
