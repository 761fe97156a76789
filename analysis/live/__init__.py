"""Judging while packets still arrive: what to look at when, incidents that stay, what may be forgotten."""
