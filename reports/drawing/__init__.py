"""Ladders, plots and charts: what stands where, and how it is written."""
