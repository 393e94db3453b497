"""The catalogue: which recordings match these extensions and this period?"""
