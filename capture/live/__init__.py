"""Frames from interfaces: taking them, keeping them, and giving up what is not needed for that."""
