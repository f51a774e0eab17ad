"""How tasks are accepted, whatever the surface: alone, as a batch, or only to say what they would cost."""
