"""Who should hear about it."""
