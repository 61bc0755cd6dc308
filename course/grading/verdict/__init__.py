"""The verdict: student cells are run in the box, test cells are judged outside of it."""
