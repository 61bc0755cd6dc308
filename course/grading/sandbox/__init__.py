"""Where student code runs, and what it may use there."""
