"""A student's file: read, repaired by the official one, made harmless."""
