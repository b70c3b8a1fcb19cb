#!/usr/bin/env python3
"""Checks the manual pages that were made: complete, and each says what a page has to.

check_man.py TABLE HEADER FOLDER PROGRAM
"""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "header"))

import check_header  # noqa: E402  (the tests of the header lie beside these)
import check_table  # noqa: E402

OF_A_FUNCTION = ("NAME", "LIBRARY", "SYNOPSIS", "DESCRIPTION", "RETURN VALUE", "THREADS", "HISTORY", "SEE ALSO")
OF_A_SUBCOMMAND = ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "SEE ALSO")


def words(roff):
    """The text of a page without its fonts and escapes."""
    roff = re.sub(r"\\f[BIRP]|\\&", "", roff)
    return roff.replace("\\-", "-").replace("\\e", "\\")


def parts(page):
    """title -> text"""
    found = {}
    for title, text in re.findall(r'^\.SH "?(.+?)"?\n(.*?)(?=^\.SH |\Z)', page, re.S | re.M):
        found[title] = text
    return found


def check_references(name, text, pages):
    return [f"{name} refers to {other}({section}), which is none" for other, section in
            sorted(set(re.findall(r"\b(k8sleader[\w-]*|libk8sleader)\(([13])\)", text))) if f"{other}.{section}" not in pages]


def check_function(name, since, declaration, page):
    text, problems = words(page), []
    found = parts(text)
    for title in OF_A_FUNCTION:
        if len(found.get(title, "").split()) < 1:
            problems.append(f"{name}.3 has no {title}")
    if not re.match(rf"{name} - \S.*\S\n", found.get("NAME", "")):
        problems.append(f"{name}.3: NAME does not say what it does")
    synopsis = found.get("SYNOPSIS", "")
    if "#include <k8sleader.h>" not in synopsis or " ".join(declaration.split()) not in " ".join(synopsis.split()):
        problems.append(f"{name}.3: SYNOPSIS is not the header's declaration")
    if f"since libk8sleader {since}." not in " ".join(found.get("HISTORY", "").split()):
        problems.append(f"{name}.3: HISTORY does not say {since}")
    return problems


def check_errors(name, comment, page):
    """Each code that the comment names is explained."""
    said = re.search(r"Errors:(.*?)(?:Since:|\*/)", comment, re.S)
    codes = re.findall(r"\b[A-Z][A-Z_]+[A-Z]\b", re.sub(r"\bNULL\b|\([^)]*\)", "", said[1])) if said else []
    text = parts(words(page)).get("ERRORS", "")
    return [f"{name}.3 does not explain {code}" for code in codes if f"K8SLEADER_ERR_{code}\n" not in text]


def check_library(rows, header, pages):
    problems = []
    declared = {match[2]: (f"{match[1].strip()} {match[2]}({match[3]});".replace("* ", "*"), comment)
                for match, (_, comment) in zip(check_header.DECLARATION.finditer(header), check_header.declarations(header))}
    for name, since in rows.items():
        page = pages.get(f"{name}.3")
        if page is None:
            problems.append(f"{name} has no page")
            continue
        declaration, comment = declared[name]
        problems += check_function(name, since, declaration, page) + check_errors(name, comment, page)
        if f"{name}(3)" not in words(pages.get("libk8sleader.3", "")):
            problems.append(f"libk8sleader.3 does not name {name}")
    problems += [f"{page} is of no public function" for page in sorted(pages)
                 if page.endswith(".3") and page != "libk8sleader.3" and page.removesuffix(".3") not in rows]
    return problems


def check_program(helps, pages):
    """helps: subcommand -> what its --help says; "" is the program's own."""
    problems = []
    for name, text in helps.items():
        file = f"k8sleader{'-' + name if name else ''}.1"
        if file not in pages:
            problems.append(f"{file} is missing")
            continue
        page = words(pages[file])
        found = parts(page)
        problems += [f"{file} has no {title}" for title in (OF_A_SUBCOMMAND if name else ("NAME", "SUBCOMMANDS", "EXIT STATUS"))
                     if not found.get(title, "").strip()]
        problems += [f"{file} does not name {option}" for option in sorted(set(re.findall(r"(?<![\w-])--[a-z][\w-]*", text)))
                     if option not in page]
        # Not a word of --help is lost on the way.
        lost = set(re.findall(r"[\w']{3,}", text.replace("Exit codes", ""))) - set(re.findall(r"[\w']{3,}", page + " Each its options"))
        lost = {word for word in lost if word.lower() not in page.lower()}
        problems += [f"{file} lacks the word {word}" for word in sorted(lost)]
    problems += [f"{page} is of no subcommand" for page in sorted(pages)
                 if page.endswith(".1") and page.removesuffix(".1").removeprefix("k8sleader").removeprefix("-") not in helps]
    return problems


def helps_of(program):
    def said(*arguments):
        return subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout

    whole = said("--help")
    return {"": whole} | {name: said(name, "--help") for name in re.findall(r"^  k8sleader ([a-z][\w-]*)", whole, re.M)}


def main(table, header, folder, program):
    pages = {file: check_header.read(os.path.join(folder, section, file))
             for section in ("man1", "man3") for file in os.listdir(os.path.join(folder, section))}
    rows, problems = check_table.table(check_header.read(table))
    problems += check_library(rows, check_header.read(header), pages)
    problems += check_program(helps_of(program), pages)
    for name, page in sorted(pages.items()):
        problems += check_references(name, words(page), pages)
    for problem in problems:
        print(problem)
    print(f"{len(pages)} pages, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
