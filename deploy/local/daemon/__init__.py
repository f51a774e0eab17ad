"""The stack's supervisor: supervisord, which also loads what the services share and starts each as a fork of itself."""

# A program of the configuration with this variable is a Python module: its name.
MODULE = "DARKROOM_MODULE"
# With this variable as well, it is one of several that share what is loaded for them.
SHARES = "DARKROOM_SHARES"
