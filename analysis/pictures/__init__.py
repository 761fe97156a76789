"""What pages and charts show: the second reading of a few connections, and counts over time."""
