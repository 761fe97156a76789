"""Tests of `synsight.reports`."""
