"""What an answer is worth: cells are run in the box and judged outside of it."""
