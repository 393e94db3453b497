"""The nouns: values that are valid once they exist. No input, no output, no clock."""
