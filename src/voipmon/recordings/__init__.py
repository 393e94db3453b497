"""The catalogue: it knows which recordings match which extensions and period."""
