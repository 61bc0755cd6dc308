"""What notebooks use beside checks: data, pictures, the session, timing, a training line."""
