#!/usr/bin/env python3
"""Makes the rockspec of a release, and the source rock: rock.py ROCKSPEC VERSION ARCHIVE FOLDER

ROCKSPEC: the one for checkouts, of which all is taken but the version and the source. ARCHIVE: the source archive, in which
the binding is built where ROCKSPEC lies. The rock has both inside (`luarocks pack` would fetch the archive from where it is not yet
published); the same files give the same bytes.
"""

import os
import re
import sys
import zipfile


def replaced(text, pattern, by):
    text, count = re.subn(pattern, lambda match: by, text, flags=re.M | re.S)
    if count != 1:
        sys.exit(f"rock: the rockspec has {count} parts that look like {pattern}")
    return text


def main(rockspec, version, archive, folder):
    with open(rockspec, encoding="utf-8") as file:
        text = file.read()
    name = os.path.basename(archive)
    text = replaced(text, r"\A(--[^\n]*\n)+", f"-- Of release {version}: luarocks install k8sleader-{version}-1.src.rock\n")
    text = replaced(text, r'^version = "scm-1"$', f'version = "{version}-1"')
    text = replaced(text, r"^source = \{.*?^\}$",
                    f'source = {{\n    url = "{name}", -- beside this file\n'
                    f'    dir = "{name.removesuffix(".tar.gz")}/bindings/lua",\n}}')
    made = os.path.join(folder, f"k8sleader-{version}-1.rockspec")
    with open(made, "w", encoding="utf-8") as file:
        file.write(text)
    with zipfile.ZipFile(os.path.join(folder, f"k8sleader-{version}-1.src.rock"), "w") as rock:
        for path in (made, archive):
            entry = zipfile.ZipInfo(os.path.basename(path))  # of 1980: nobody takes times from it
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            with open(path, "rb") as file:
                rock.writestr(entry, file.read())


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__.split("\n", 1)[0])
    main(*sys.argv[1:])
