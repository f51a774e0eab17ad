"""Code that runs inside Triton's Python backend; it is copied next to each model's weights, without the rest of this package."""
