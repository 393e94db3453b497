"""What the program is told: one checked, frozen configuration."""
