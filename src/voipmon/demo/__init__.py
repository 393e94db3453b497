"""The whole flow on embedded servers, with made-up recordings: what `voipmon demo` shows."""
