"""One module a command, each with a click command of its own name.

Modules import what is heavy inside their functions: all of them are imported to print `--help`.
"""
