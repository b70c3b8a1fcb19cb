#!/usr/bin/env python3
"""Puts a Go module into a module proxy made of files: go_proxy.py SOURCE VERSION PROXY

SOURCE: the module's folder; VERSION: "1.2.3". GOPROXY=file://PROXY then serves it. The same files give the same bytes: the
time is that of SOURCE_DATE_EPOCH, or else 1980.
"""

import datetime
import json
import os
import pathlib
import re
import sys
import zipfile

# What the go command refuses to unpack (golang.org/x/mod/zip).
LARGEST_MODULE = 500 << 20
NAME = re.compile(r"[\w!#$%&()+,\-.=@\[\]^{}~ ]+", re.ASCII)


def escaped(path):
    """As proxies name modules, for file systems that don't tell capitals."""
    return re.sub("[A-Z]", lambda match: "!" + match[0].lower(), path)


def files(source):
    """The module's files: modules below it are others', and what version control keeps is nobody's."""
    found = []
    for folder, folders, names in os.walk(source):
        folders[:] = sorted(name for name in folders if name not in (".git", "vendor")
                            and not os.path.exists(os.path.join(folder, name, "go.mod")))
        found += [pathlib.Path(folder, name) for name in names]
    return sorted(found)


def module_of(source):
    match = re.search(r"^module\s+(\S+)", (source / "go.mod").read_text(encoding="utf-8"), re.M)
    if not match:
        sys.exit(f"go_proxy: {source}/go.mod names no module")
    return match[1]


def write_zip(path, prefix, source):
    list_of_files, seen, size = files(source), {}, 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in list_of_files:
            name = str(file.relative_to(source))
            if file.is_symlink() or not file.is_file():
                sys.exit(f"go_proxy: {file} is no plain file: modules have no others")
            if not all(map(NAME.fullmatch, name.split("/"))):
                sys.exit(f"go_proxy: {file} has a name that modules can't have")
            if seen.setdefault(name.lower(), name) != name:
                sys.exit(f"go_proxy: {name} and {seen[name.lower()]} differ by capitals alone")
            content = file.read_bytes()
            size += len(content)
            if size > LARGEST_MODULE:
                sys.exit(f"go_proxy: {source} is larger than modules may be")
            entry = zipfile.ZipInfo(prefix + name)  # of 1980: the go command takes no times from it
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)


def main(source, version, proxy):
    source, version = pathlib.Path(source), "v" + version
    module = module_of(source)
    # From v2 on the path ends with it, and so would ours have to.
    major = version[1:].split(".")[0]
    if int(major) > 1 and not module.endswith("/v" + major):
        sys.exit(f"go_proxy: a module of version {version} has a path that ends in /v{major}, not {module}")
    folder = pathlib.Path(proxy, escaped(module), "@v")
    folder.mkdir(parents=True, exist_ok=True)
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH", datetime.datetime(1980, 1, 1, tzinfo=datetime.timezone.utc).timestamp()))
    time = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    (folder / (version + ".info")).write_text(json.dumps({"Version": version, "Time": time}) + "\n", encoding="utf-8")
    (folder / (version + ".mod")).write_bytes((source / "go.mod").read_bytes())
    write_zip(folder / (version + ".zip"), f"{module}@{version}/", source)
    listed = folder / "list"
    before = listed.read_text(encoding="utf-8").split() if listed.exists() else []
    listed.write_text("".join(line + "\n" for line in sorted({*before, version})), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__.split("\n", 1)[0])
    main(*sys.argv[1:])
