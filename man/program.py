#!/usr/bin/env python3
"""Makes the program's manual pages, k8sleader(1) and one a subcommand, from what --help says.

program.py PROGRAM HEADER FOLDER SUBCOMMANDS [WRAPPER...]

SUBCOMMANDS: those that the build installs pages of, "run,status". WRAPPER: what runs a program of another machine.
"""

import os
import re
import subprocess
import sys

from library import read_header
from roff import Page, date_of, escaped

MANUAL = "k8sleader manual"
ITEM = re.compile(r"^  (\S(?:.*?\S)?)\s{2,}(\S.*)$")
INDENTED = re.compile(r"^  (?=\S)")


def marked(text):
    """roff, with options, commands between backquotes and variables set apart."""
    text = escaped(text)
    text = re.sub(r"`([^`]*)`", r"\\fB\1\\fP", text)
    text = re.sub(r"(?<![\w\\-])(\\-\\-?[a-z][\w-]*)", r"\\fB\1\\fP", text)
    return re.sub(r"\b((?:K8SLEADER|KUBERNETES|POD)_[A-Z_]+|KUBECONFIG|HOSTNAME_UUID)\b", r"\\fB\1\\fP", text)


def usage(text):
    """k8sleader run [options] -- COMMAND: the words to type are bold, those to replace are not."""
    return " ".join(f"\\fI{escaped(word)}\\fP" if re.fullmatch(r"\[?[A-Z]+\]?(\.\.\.\]?)?", word)
                    else escaped(word) if word.startswith("[") else f"\\fB{escaped(word)}\\fP" for word in text.split())


def option_tag(tag):
    return re.sub(r"^(\\-\\-[\w\\-]+)(?: (.*))?$", lambda m: f"\\fB{m[1]}\\fP" + (f" \\fI{m[2]}\\fP" if m[2] else ""), escaped(tag))


def blocks(text):
    """Paragraphs, each a list of lines, without the first line of all."""
    return [block.split("\n") for block in re.split(r"\n\s*\n", text.strip())]


def items(lines):
    """(tag, text) of indented lines, each perhaps continued by lines that are further to the right."""
    rows = []
    for line in lines:
        match = ITEM.match(line)
        if match and not line.startswith("   "):
            rows.append([match[1], match[2]])
        elif INDENTED.match(line):
            rows.append([line.strip(), ""])
        else:
            rows[-1][1] += " " + line.strip()
    return rows


def item_start(lines):
    return next((at for at, line in enumerate(lines) if line.startswith("  ")), len(lines))


def exit_status(page, text):
    page.head('"EXIT STATUS"')
    text = text.split(":", 1)[1].strip()
    page.paragraph(marked(text[0].upper() + text[1:]))


def read_help(text):
    """name, usage, summary, and the paragraphs behind them."""
    first, *rest = blocks(text)
    head, _, summary = first[0].partition(": ")
    return head, summary, ([first[1:]] if first[1:] else []) + rest


def subcommand_page(text, date, version, others):
    head, summary, rest = read_help(text)
    name = " ".join(head.split()[:2])
    page = Page(name.replace(" ", "-"), 1, date, version, MANUAL)
    page.head("NAME")
    page.parts.append(f"{escaped(name.replace(' ', '-'))} \\- {marked(summary)}")
    page.head("SYNOPSIS")
    page.parts.append(usage(head))
    page.head("DESCRIPTION")
    for lines in rest:
        at = item_start(lines)
        before, listed = " ".join(lines[:at]), lines[at:]
        if before.startswith("Exit codes:"):
            exit_status(page, before)
            continue
        if before.startswith("Each also from the environment"):
            page.head("ENVIRONMENT")
            before = before.replace("Each also", "Each option also", 1)
        elif before.startswith("--output json:"):
            page.head("OUTPUT")
        if before:
            # A line that begins a new matter within a paragraph of --help.
            for part in re.split(r"(?<=[.:])\s(?=--output json:)", before):
                page.paragraph(marked(part))
        if listed and listed[0].lstrip().startswith("--"):
            page.head("OPTIONS")
        end = next((at for at, line in enumerate(listed) if not line.startswith("  ")), len(listed))
        for tag, said in items(listed[:end]):
            page.item(option_tag(tag) if tag.startswith("--") else f"\\fB{escaped(tag)}\\fP", marked(said))
        if listed[end:]:
            page.paragraph(marked(" ".join(listed[end:])))
    page.head('"SEE ALSO"')
    page.parts.append(",\n".join(f"\\fB{escaped(other)}\\fP(1)" for other in others if other != page.name)
                      + ",\n\\fBlibk8sleader\\fP(3)")
    return page


def main_page(text, date, version, pages):
    first, *rest = blocks(text)
    page = Page("k8sleader", 1, date, version, MANUAL)
    page.head("NAME")
    page.parts.append(f"k8sleader \\- {marked(first[0].partition(': ')[2])}")
    page.head("SYNOPSIS")
    page.parts.append("\n.br\n".join(usage(tag) for lines in rest for tag, _ in items(lines[item_start(lines):]) if tag.startswith("k8sleader")))
    page.head("DESCRIPTION")
    page.paragraph("Stands as a candidate for a lock that a Kubernetes API server keeps, so that of several copies of a program "
                   "exactly one acts. Each subcommand has a page of its own.")
    page.head("SUBCOMMANDS")
    for tag, said in items(rest[0]):
        name = " ".join(tag.split()[:2])
        page.item(f"\\fB{escaped(name.replace(' ', '-'))}\\fP(1)", marked(said[0].upper() + said[1:] + "."))
    for lines in rest:
        text = " ".join(lines)
        if text.startswith("Exit codes:"):
            exit_status(page, text)
    page.head('"SEE ALSO"')
    page.parts.append(",\n".join(f"\\fB{escaped(other)}\\fP(1)" for other in pages) + ",\n\\fBlibk8sleader\\fP(3)")
    return page


def main(program, header, folder, subcommands, *wrapper):
    def said(*arguments):
        return subprocess.run([*wrapper, program, *arguments], check=True, capture_output=True, text=True).stdout

    with open(header, encoding="utf-8") as file:
        version = read_header(file.read()).version
    os.makedirs(folder, exist_ok=True)
    date = date_of(header)
    whole = said("--help")
    names = re.findall(r"^  k8sleader ([a-z][\w-]*)", whole, re.M)
    if sorted(names) != sorted(subcommands.split(",")):
        sys.exit(f"the build knows the subcommands {subcommands}, the program has {','.join(names)}")
    pages = [f"k8sleader-{name}" for name in names]
    main_page(whole, date, version, pages).write(folder)
    for name in names:
        subcommand_page(said(name, "--help"), date, version, ["k8sleader", *pages]).write(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
