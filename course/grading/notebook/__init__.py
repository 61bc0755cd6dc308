"""What grading adds to `course.notebook`: source notebooks, and harmless pages."""
