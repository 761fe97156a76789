"""Live capture against this machine's kernel, in network namespaces of its own."""
