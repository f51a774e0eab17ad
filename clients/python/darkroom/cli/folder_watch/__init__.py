"""The work of `darkroom watch`: operations run on each file that appears at a place, once, and their results go to another."""
