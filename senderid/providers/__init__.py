"""Carriers: one file each, one contract (`base`)."""
