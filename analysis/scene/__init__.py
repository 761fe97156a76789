"""What surrounds a connection: where the capture was taken, what is wrong with it, who else is in it."""
