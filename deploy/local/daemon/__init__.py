"""The stack's supervisor: supervisord, which also loads what the services share and starts each as a fork of itself."""

# A program of the configuration with this variable is a Python module: its name.
MODULE = "DARKROOM_MODULE"
