"""The old scripts' way to find recordings, re-created: every name against an expression for each number.

python _old_way.py FOLDER FIRST LAST EXTENSION...; FIRST and LAST as YYYYMMDD-HHMMSS
"""

import os
import re
import sys


def main() -> None:
    root, first, last, *extensions = sys.argv[1:]
    patterns = [re.compile(rf"internal-(?:{one}-\d+|\d+-{one})-(\d{{8}}-\d{{6}})-.*\.mp3$") for one in extensions]
    found = set()
    for folder, _, names in os.walk(root):
        for name in names:
            for pattern in patterns:
                match = pattern.match(name)
                if match and first <= match[1] <= last:
                    found.add(os.path.join(folder, name))  # noqa: PTH118 - as it was
    print("\n".join(sorted(found)))


if __name__ == "__main__":
    main()
