"""Animations and videos, frame by frame: read by one child process, written by another, never all in memory."""
