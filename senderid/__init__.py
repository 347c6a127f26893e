"""Which number or name speaks."""
