"""What grading adds to `course.notebook`: sources and gradebook, and harmless pages."""
