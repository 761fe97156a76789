"""What may be asked of a finished analysis: conditions, comparisons, what is new since a baseline."""
