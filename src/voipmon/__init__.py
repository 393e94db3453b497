"""Ask a PBX for call recordings by e-mail."""

__version__ = "0.1.0"
