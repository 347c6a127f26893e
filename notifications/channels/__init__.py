"""Ways out to a person: one file each."""
