"""From SEGMENT rows to one frozen `Analysis`. Knows nothing of files, clocks or terminals."""
