"""What notebooks use beside checks: data, pictures, the session, the time a network takes."""
