"""The library: pictures that people keep, in versions."""
