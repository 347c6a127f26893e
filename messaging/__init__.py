"""Everything that carries words."""
