"""The queue of requests: a folder for each state, a JSON file for each request."""
