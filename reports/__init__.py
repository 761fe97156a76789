"""From an `Analysis` to bytes on a stream. Computes nothing."""
