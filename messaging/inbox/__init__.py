"""The inbox: what a rep typed, whom it is for, and what happens to it."""
