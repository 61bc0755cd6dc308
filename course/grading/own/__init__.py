"""An instructor's own assignments: begun, looked at, and tried on a bank of answers."""
