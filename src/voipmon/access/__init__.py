"""Who may have what, and how much of it."""
