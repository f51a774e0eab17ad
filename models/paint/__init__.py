"""Training the network that finds the paint of marks in a picture."""
