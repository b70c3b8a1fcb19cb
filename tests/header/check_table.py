#!/usr/bin/env python3
"""Compares the table of public symbols, abi/symbols.txt, with all that says the same in another way.

check_table.py TABLE HEADER VERSION_SCRIPT LIBRARY [DEBIAN_SYMBOLS]
"""

import os
import re
import subprocess
import sys

import check_header

ROW = re.compile(r"^(k8sleader_\w+)\s+(\d+\.\d+)$")
NODE = re.compile(r"^(K8SLEADER_(\d+\.\d+))\s*\{(.*?)\}\s*(\w[\w.]*)?\s*;", re.S | re.M)
MACRO = re.compile(r"^#define (K8SLEADER_HAVE_\w+) 1\n", re.M)


def release(text):
    return tuple(map(int, text.split(".")))


def table(text):
    """name -> since, and what is wrong with the table itself."""
    found, problems, names = {}, [], []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = ROW.match(line.rstrip())
        if not match:
            problems.append(f"the table has a line that is no row: {line}")
            continue
        names.append(match[1])
        found[match[1]] = match[2]
    if names != sorted(set(names)):
        problems.append("the table is not sorted, or names a symbol twice")
    if not found:
        problems.append("the table is empty")
    return found, problems


def documented(header):
    """name -> the since of its comment ("" for none)."""
    said = {}
    for name, comment in check_header.declarations(header):
        match = re.search(r"Since: (\d+\.\d+)\.", comment)
        said[name] = match[1] if match else ""
    return said


def scripted(text):
    """name -> the release of its version node, and what is wrong with the nodes: each but the first follows the one before."""
    text = re.sub(r"/\*.*?\*/|#.*", "", text, flags=re.S)
    found, problems, before = {}, [], None
    for node, version, body, parent in NODE.findall(text):
        if (parent or None) != before:
            problems.append(f"version node {node} follows {parent or 'none'}, not {before or 'none'}")
        if before and release(version) <= release(before.rpartition("_")[2]):
            problems.append(f"version node {node} is not newer than {before}")
        before = node
        for part in re.findall(r"global:(.*?)(?:local:|$)", body, re.S):
            found.update((name.strip(), version) for name in part.split(";") if name.strip())
    return found, problems


def exported(nm_output):
    """name -> the release of the version node that the library was linked with ("" for none)."""
    found = {}
    for line in nm_output.splitlines():
        kind, symbol = line.split()[-2:]
        if kind != "A":
            name, _, node = symbol.partition("@")
            found[name] = node.lstrip("@").removeprefix("K8SLEADER_")
    return found


def packaged(text):
    """name -> the release of Debian's symbols file: "k8sleader_x@K8SLEADER_0.9 0.9.0"; and lines that disagree with themselves."""
    found, problems = {}, []
    for name, node, version in re.findall(r"^ (k8sleader_\w+)@K8SLEADER_(\d+\.\d+) (\d[\w.~+]*)", text, re.M):
        found[name] = node
        if not (version + ".").startswith(node + ".") and not version.startswith(node + "~"):
            problems.append(f"Debian's symbols file has {name} in node {node}, but since {version}")
    return found, problems


def differences(rows, what, found):
    problems = [f"{what} {name}, which is not in the table" for name in sorted(found.keys() - rows.keys())]
    problems += [f"{name} is in the table, but not what {what}" for name in sorted(rows.keys() - found.keys())]
    problems += [f"{name}: the table says {rows[name]}, but {what} it as of {found[name] or 'no release'}"
                 for name in sorted(rows.keys() & found.keys()) if rows[name] != found[name]]
    return problems


def check_macros(rows, header):
    """A function that came after the first release has K8SLEADER_HAVE_<ITS NAME>, so that a program can do without it."""
    first = min(map(release, rows.values()), default=(0, 0))
    wanted = {"K8SLEADER_HAVE_" + name.removeprefix("k8sleader_").upper()
              for name, since in rows.items() if release(since) > first}
    defined = set(MACRO.findall(header))
    mentioned = set(re.findall(r"^#define (K8SLEADER_HAVE_\w+)", header, re.M))
    problems = [f"{macro} is not defined as 1, though its function came after the first release"
                for macro in sorted(wanted - defined)]
    problems += [f"{macro} is defined, but there is no such function that came after the first release"
                 for macro in sorted((defined | mentioned) - wanted)]
    return problems


def check_releases(rows, header):
    """Nothing is promised since a release that is still to come."""
    match = re.search(r'^#define K8SLEADER_VERSION +"(\d+\.\d+)', header, re.M)
    if not match:
        return ["the header names no version"]
    return [f"{name}: since {since}, but this is {match[1]}" for name, since in rows.items()
            if release(since) > release(match[1])]


def check(texts):
    rows, problems = table(texts["table"])
    problems += differences(rows, "the header declares", documented(texts["header"]))
    nodes, wrong = scripted(texts["script"])
    problems += wrong + differences(rows, "the version script names", nodes)
    problems += differences(rows, "the library exports", exported(texts["nm"]))
    if texts.get("debian"):
        symbols, wrong = packaged(texts["debian"])
        problems += wrong + differences(rows, "Debian's symbols file names", symbols)
    return problems + check_macros(rows, texts["header"]) + check_releases(rows, texts["header"])


def main(table_path, header, script, library, debian=None):
    nm = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    texts = {"table": check_header.read(table_path), "header": check_header.read(header),
             "script": check_header.read(script), "nm": nm}
    if debian and os.path.exists(debian):
        texts["debian"] = check_header.read(debian)
    problems = check(texts)
    for problem in problems:
        print(problem)
    print(f"{len(table(texts['table'])[0])} symbols, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
