"""From files, pipes and interfaces to SEGMENT rows. Knows nothing of TCP states."""
