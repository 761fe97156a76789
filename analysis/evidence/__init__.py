"""What several rules ask of one connection."""
