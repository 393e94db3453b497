"""Where the process begins: `voipmon`, and `python -m voipmon`."""

import gc
import sys


def main() -> None:
    """Run the command line of this process and end it.

    Most passes find nothing to do: what they cost is their imports, and a tenth of that would be the collector's, which
    walks again and again over what stays. benchmarks/start.py measures it.
    """
    gc.set_threshold(20_000)
    from voipmon.cli import run  # noqa: PLC0415 - after the line above

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
