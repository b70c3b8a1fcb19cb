#!/usr/bin/env python3
"""Checks the public header: its comments, and that header, version script and library name the same functions."""

import ctypes
import re
import subprocess
import sys

DECLARATION = re.compile(r"^K8SLEADER_API\b([^;{]*?)\b(k8sleader_\w+)\s*\(([^;]*)\)\s*;", re.S | re.M)
COMMENT = re.compile(r"/\*\*.*?\*/", re.S)


def declarations(header):
    """Each function's name, and the comment that ends right before it ("" for none)."""
    found = []
    for match in DECLARATION.finditer(header):
        before = header[: match.start()].rstrip()
        comments = list(COMMENT.finditer(before))
        own = comments[-1].group() if comments and comments[-1].end() == len(before) else ""
        found.append((match.group(2), own))
    return found


def check_comments(header):
    problems = []
    functions = declarations(header)
    # Every use of the macro but its own definitions is one of them: none hides from the pattern.
    uses = len(re.findall(r"^K8SLEADER_API\b", header, re.M))
    if uses != len(functions):
        problems.append(f"{uses} declarations, but {len(functions)} were understood")
    if not functions:
        problems.append("no function at all")
    for name, comment in functions:
        if not comment:
            problems.append(f"{name}: no comment right before it")
            continue
        for word in ("Threads:", "Since:"):
            if word not in comment:
                problems.append(f"{name}: its comment does not say {word}")
        if not re.search(r"Since: \d+\.\d+\.", comment):
            problems.append(f"{name}: Since: names no version")
    return problems


def constants(header, prefix):
    return {m[0]: int(m[1]) for m in re.findall(rf"\b({prefix}\w+)\s*=\s*(-?\d+)", header)}


def check_codes(header, library):
    """Each constant has a number of its own and a name that the library knows."""
    problems = []
    name_of = {
        "K8SLEADER_ERR_": ("k8sleader_error_name", str.upper, "UNKNOWN"),
        "K8SLEADER_EVENT_": ("k8sleader_event_type_name", str.lower, "unknown"),
        "K8SLEADER_REASON_": ("k8sleader_reason_name", str.lower, "unknown"),
    }
    for prefix, (function, case, unknown) in name_of.items():
        call = getattr(library, function)
        call.restype = ctypes.c_char_p
        numbers = constants(header, prefix)
        if not numbers:
            problems.append(f"no constant {prefix}*")
        if len(set(numbers.values())) != len(numbers):
            problems.append(f"{prefix}*: a number is used twice")
        for name, number in numbers.items():
            expected = case(name[len(prefix) :])
            said = call(number).decode()
            if said != expected:
                problems.append(f"{function}({number}): {said}, not {expected}")
        beyond = call(max(numbers.values(), default=0) + 1000).decode()
        if beyond != unknown:
            problems.append(f"{function} of an unknown number: {beyond}, not {unknown}")
    return problems


def exported(nm_output):
    """The defined dynamic symbols, without the version they were given; the version nodes themselves left out."""
    names = set()
    for line in nm_output.splitlines():
        kind, name = line.split()[-2:]
        if kind != "A":
            names.add(name.split("@")[0])
    return names


def scripted(version_script):
    text = re.sub(r"/\*.*?\*/|#.*", "", version_script, flags=re.S)
    names = set()
    for part in re.findall(r"global:(.*?)(?:local:|\})", text, re.S):
        names.update(name.strip() for name in part.split(";") if name.strip())
    return names


def check_symbols(header, library, version_script):
    promised = {name for name, _ in declarations(header)}
    problems = []
    for what, names in (("the library exports", library), ("the version script names", version_script)):
        problems += [f"{what} {name}, which the header does not declare" for name in sorted(names - promised)]
        problems += [f"{name} is declared, but not what {what}" for name in sorted(promised - names)]
    return problems


def check_called(header, source):
    """Each function is called there: what a new one does with NULL, or without memory, is not forgotten."""
    return [f"{name} is not called" for name, _ in declarations(header) if not re.search(rf"\b{name}\(", source)]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def main(what, header, *others):
    if what == "comments":
        problems = check_comments(read(header))
    elif what == "codes":
        problems = check_codes(read(header), ctypes.CDLL(others[0]))
    elif what == "called":
        problems = check_called(read(header), "".join(map(read, others)))
    else:
        library, version_script = others
        nm = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True)
        problems = check_symbols(read(header), exported(nm.stdout), scripted(read(version_script)))
    for problem in problems:
        print(problem)
    print(f"{what}: {len(declarations(read(header)))} functions, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
