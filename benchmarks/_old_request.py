# ruff: noqa: PTH118, PTH119, PTH120 - as it was
"""The scripts before voipmon, re-created: walk over every name, copy, compress, send a link.

python benchmarks/_old_request.py FOLDER EXTENSIONS FIRST LAST OUT HOST PORT

EXTENSIONS are separated by commas; FIRST and LAST look like 20251027-080000. One regular expression for each extension
is tried on every name, as they did.
"""

import os
import re
import shutil
import smtplib
import sys
import tempfile
import zipfile
from email.message import EmailMessage


def find(folder: str, extensions: list[str], first: str, last: str) -> list[str]:
    patterns = [re.compile(rf"internal-(?:{one}-\d+|\d+-{one})-(\d{{8}}-\d{{6}})-") for one in extensions]
    found = []
    for place, _, names in os.walk(folder):
        for name in names:
            for pattern in patterns:
                match = pattern.match(name)
                if match and first <= match[1] <= last:
                    found.append(os.path.join(place, name))
                    break
    return sorted(found)


def main(folder: str, extensions: str, first: str, last: str, out: str, host: str, port: str) -> None:
    found = find(folder, extensions.split(","), first, last)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(out)) as work:
        copies = [shutil.copy(path, work) for path in found]
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in copies:
                archive.write(path, os.path.basename(path))
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "voip@example.com", "manager@example.com", "Your recordings"
    letter.set_content(f"{len(found)} recordings: https://voip.example.com/audios/{os.path.basename(out)}\n")
    with smtplib.SMTP(host, int(port)) as server:
        server.send_message(letter)
    print(len(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
