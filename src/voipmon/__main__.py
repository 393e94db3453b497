"""`python -m voipmon` is `voipmon`."""

from voipmon.cli import main

main()
