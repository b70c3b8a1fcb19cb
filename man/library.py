#!/usr/bin/env python3
"""Makes the library's manual pages, one a public function and libk8sleader(3), from the header's comments.

library.py HEADER FOLDER         writes them
library.py --list HEADER         prints the names of the files, for the build
"""

import os
import re
import sys
from dataclasses import dataclass, field

from roff import Page, date_of, escaped

MANUAL = "libk8sleader manual"
SAYS = ("Returns", "Threads", "Errors", "Since", "Source")
PART = re.compile(r"/\* -+ (.+?) -+ \*/")
TOKEN = re.compile(
    r"/\* -+ (?P<part>.+?) -+ \*/"
    r"|/\*\*(?!<)(?P<comment>.*?)\*/\s*(?:"
    r"K8SLEADER_API\s+(?P<function>[^;{]*?\)\s*);"
    r"|enum \{(?P<enum>.*?)\};"
    r"|typedef (?P<typedef>int \(\*\w+\)[^;]*);)",
    re.S,
)
CONSTANT = re.compile(r"\b(K8SLEADER_\w+)\s*=\s*(-?\d+),?\s*(?:/\*\*<(.*?)\*/)?", re.S)


@dataclass
class Function:
    name: str
    declaration: str
    returns: str  # the type
    parameters: list
    text: list  # paragraphs
    says: dict
    part: str


@dataclass
class Header:
    version: str = ""
    conventions: list = field(default_factory=list)  # (title, text)
    parts: list = field(default_factory=list)  # titles, in order
    functions: list = field(default_factory=list)
    enums: list = field(default_factory=list)  # (comment, [(name, number, comment)])
    callback: tuple = ("", [], {})


def plain(comment):
    """A comment's text without its stars."""
    return re.sub(r"^[ \t]*\*? ?", "", comment.strip(), flags=re.M).strip()


def split_comment(comment):
    """Paragraphs of description, and what is said after each of the words that every comment has."""
    says, paragraphs = {}, []
    for paragraph in re.split(r"\n\s*\n", plain(comment)):
        pieces = re.split(rf"\b({'|'.join(SAYS)}):\s", " ".join(paragraph.split()) + " ")
        if pieces[0].strip():
            paragraphs.append(pieces[0].strip())
        for word, text in zip(pieces[1::2], pieces[2::2]):
            says[word] = text.strip()
    return paragraphs, says


def split_declaration(text):
    """The name, the type it returns and the names of its parameters."""
    match = re.match(r"(.*?)\b(k8sleader_\w+)\s*\((.*)\)\s*$", text.strip(), re.S)
    returns, name, inside = match.group(1).strip(), match.group(2), " ".join(match.group(3).split())
    names, depth, current = [], 0, ""
    for letter in inside + ",":
        if letter == "," and depth == 0:
            function = re.search(r"\(\*(\w+)\)", current)
            last = re.search(r"(\w+)\s*$", current)
            if current.strip() != "void":
                names.append(function.group(1) if function else last.group(1))
            current = ""
            continue
        depth += (letter == "(") - (letter == ")")
        current += letter
    return name, returns, names


def read_header(text):
    header = Header(version=re.search(r'^#define K8SLEADER_VERSION +"(.*)"', text, re.M).group(1))
    first = plain(re.match(r"/\*(.*?)\*/", text, re.S).group(1))
    # "  Handles     are opaque. …", continued by lines that are further to the right.
    for block in re.findall(r"^  (\S.*(?:\n {6,}.*)*)", first, re.M):
        title, rest = re.match(r"(\w+(?: \w+)?)\s{1,}(.*)", block, re.S).groups()
        header.conventions.append((title, " ".join(rest.split())))
    part = ""
    for match in TOKEN.finditer(text):
        if match["part"]:
            part = match["part"]
            continue
        paragraphs, says = split_comment(match["comment"])
        if match["enum"]:
            constants = [(name, number, " ".join(plain(said or "").split()))
                         for name, number, said in CONSTANT.findall(match["enum"])]
            header.enums.append((" ".join(paragraphs), constants))
        elif match["typedef"]:
            header.callback = ("typedef " + " ".join(match["typedef"].split()), paragraphs, says)
        else:
            name, returns, parameters = split_declaration(match["function"])
            if part not in header.parts:
                header.parts.append(part)
            header.functions.append(Function(name, match["function"], returns, parameters, paragraphs, says, part))
    return header


# ---- words ----


def marked(text, parameters=(), own=""):
    """roff, with functions, constants and parameters set apart."""
    text = escaped(text)
    text = re.sub(r"\b(k8sleader_\w+)\(\)", lambda m: f"\\fB{m[1]}\\fP()" if m[1] == own else f"\\fB{m[1]}\\fP(3)", text)
    text = re.sub(r"\b((?:K8SLEADER|KUBERNETES|POD)_[A-Z][A-Z_]*[A-Z*]|KUBECONFIG|CLOCK_[A-Z]+)(?![\w])", r"\\fB\1\\fP", text)
    for name in sorted(parameters, key=len, reverse=True):
        # A parameter's name that is a word as well is meant where it is pointed at, or begins a note.
        if "_" in name:
            text = re.sub(rf"(?<![\w\\])(\*?{name})\b(?!\()", r"\\fI\1\\fP", text)
        else:
            text = re.sub(rf"(\*{name})\b|(?<![\w\\])({name})(?=\()", r"\\fI\1\2\\fP", text)
    return text


def summary(function):
    """The first words of its description, in one line."""
    text = function.text[0] if function.text else function.says.get("Returns", "")
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and letter in ".;:?" and (at + 1 == len(text) or text[at + 1] == " "):
            text = text[:at]
            break
    if text[:1].isupper() and not text[1:2].isupper() and not text.startswith("K8S"):
        text = text[0].lower() + text[1:]
    return text


def notes(function):
    """Descriptions without the sentences about one parameter, and those: name -> texts."""
    found, left = {}, []
    names = "|".join(map(re.escape, sorted(function.parameters, key=len, reverse=True))) or "(?!)"
    for paragraph in function.text:
        kept = []
        for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z*a-z])(?=\*?\w+)", paragraph):
            match = re.match(rf"\*?({names})(?: (?=NULL:))?:?\s+(?=\S)", sentence)
            is_note = match and (sentence[match.end() - 2] == ":" or sentence[match.end():].startswith("NULL:"))
            if is_note:
                text = sentence[match.end():]
                found.setdefault(match.group(1), []).append(text[0].upper() + text[1:])
            else:
                kept.append(sentence)
        if kept:
            left.append(" ".join(kept))
    return left, found


def arguments(function):
    """(name, text) of each parameter that there is something to say about, in their order."""
    _, found = notes(function)
    rows = []
    for name in function.parameters:
        texts = list(found.get(name, []))
        texts = [text if text[-1] in ".!?" else text + "." for text in texts]
        if name.endswith("_ms") or name == "ms":
            texts.insert(0, "Milliseconds.")
        if name == "err":
            texts.append("Where an error goes that is to be freed with k8sleader_error_free(); may be NULL. Left alone on success.")
        if texts:
            rows.append((name, " ".join(texts)))
    return rows


def codes(function, header):
    """(constant, what it means) of each that its comment names."""
    known = {name: text for _, constants in header.enums for name, _, text in constants}
    said = function.says.get("Errors", "")
    rows = []
    for word in re.findall(r"\b[A-Z][A-Z_]+[A-Z]\b", re.sub(r"\bNULL\b", "", said)):
        name = "K8SLEADER_ERR_" + word
        if name in known and name not in [row[0] for row in rows]:
            rows.append((name, known[name]))
    return rows


def return_value(function):
    said = function.says.get("Returns")
    fails = codes_said(function)
    if function.returns == "void":
        return "None."
    if said:
        text = said[0].upper() + said[1:]
        return text if not fails or "negative" in said else text + " On failure, a negative K8SLEADER_ERR_* code; see ERRORS."
    if fails and function.returns == "int":
        return "0 on success, a negative K8SLEADER_ERR_* code on failure; see ERRORS."
    if fails:
        return "The value described above, or a negative K8SLEADER_ERR_* code; see ERRORS."
    return "The value described above."


def codes_said(function):
    said = function.says.get("Errors", "")
    return said not in ("", "none.")


def related(function, header):
    """Whom its comment names, who frees what it makes, and its object's others where these are few."""
    names = {f.name for f in header.functions}
    text = " ".join(function.text + list(function.says.values()))
    found = set(re.findall(r"\b(k8sleader_\w+)\(\)", text))
    siblings = [f.name for f in header.functions if f.part == function.part]
    if len(siblings) <= 12:
        found.update(siblings)
    for made in re.findall(r"\b(k8sleader_\w+) \*", function.declaration):
        found.update({made + "_free", made + "_new"})
    found.update(match + "_free" for match in re.findall(r"\b(k8sleader_\w+?)_new\b", function.name))
    return sorted((found & names) - {function.name})


# ---- pages ----


def function_page(function, header, date):
    page = Page(function.name, 3, date, header.version, MANUAL)
    own = function.name
    page.head("NAME")
    page.parts.append(f"{own} \\- {marked(summary(function))}")
    page.head("LIBRARY")
    page.paragraph("Leader election for Kubernetes (libk8sleader, \\fB\\-lk8sleader\\fP; \\fBpkg\\-config k8sleader\\fP)")
    page.head("SYNOPSIS")
    # The header's lines are indented by the macro in front of them.
    lines = re.sub(r"\n {14}", "\n", function.declaration + ";").split("\n")
    lines = [escaped(text.rstrip()) for text in lines]
    page.code(["\\fB#include <k8sleader.h>\\fP", ""] + [f"\\fB{text}\\fP" for text in lines])
    page.head("DESCRIPTION")
    left, _ = notes(function)
    for paragraph in left or [function.says.get("Returns", "")]:
        page.paragraph(marked(paragraph, function.parameters, own))
    rows = arguments(function)
    if rows:
        page.head("ARGUMENTS")
        for name, text in rows:
            page.item(f"\\fI{name}\\fP", marked(text, function.parameters, own))
    page.head('"RETURN VALUE"')
    page.paragraph(marked(return_value(function), function.parameters, own))
    if codes_said(function):
        page.head("ERRORS")
        said = function.says["Errors"]
        rows = codes(function, header)
        rest = re.sub(r"\b[A-Z][A-Z_]+[A-Z]\b( \([^)]*\))?,?\s*", "", said).strip(" .,")
        if rest or "(" in said:
            page.paragraph(marked(said))
        for name, text in rows:
            page.item(f"\\fB{name}\\fP", marked((text[0].upper() + text[1:] + ".") if text else "See libk8sleader(3)."))
    page.head("THREADS")
    threads = function.says["Threads"]
    page.paragraph(marked(threads[0].upper() + threads[1:], function.parameters, own))
    page.paragraph("What \\(dqany\\(dq and \\(dqone\\(dq mean is said in \\fBlibk8sleader\\fP(3), as is what holds after \\fBfork\\fP(2).")
    page.head("HISTORY")
    page.paragraph(f"\\fB{own}\\fP() is there since libk8sleader {escaped(function.says['Since'].rstrip('.'))}.")
    if "Source" in function.says:
        page.head("STANDARDS")
        page.paragraph(f"Follows {escaped(function.says['Source'].rstrip('.'))}.")
    page.head('"SEE ALSO"')
    page.parts.append(",\n".join(f"\\fB{name}\\fP(3)" for name in related(function, header) + ["libk8sleader"]))
    return page


def overview(header, date):
    page = Page("libk8sleader", 3, date, header.version, MANUAL)
    page.head("NAME")
    page.parts.append("libk8sleader \\- leader election for Kubernetes programs")
    page.head("LIBRARY")
    page.paragraph("\\fB\\-lk8sleader\\fP; \\fBpkg\\-config \\-\\-cflags \\-\\-libs k8sleader\\fP; in CMake "
                   "\\fBfind_package(k8sleader)\\fP and the target \\fBk8sleader::k8sleader\\fP")
    page.head("SYNOPSIS")
    page.code(["\\fB#include <k8sleader.h>\\fP"])
    page.head("DESCRIPTION")
    page.paragraph("Of several copies of a program exactly one is to act. The library stands as a candidate for a lock that the "
                   "Kubernetes API server keeps, tells when a term of leadership begins and ends, and answers at any time, by the "
                   "clock, whether it still leads. A \\fBclient\\fP has one worker thread and any number of \\fBelections\\fP; what "
                   "happens comes as \\fBevents\\fP, which a program takes itself or gets by callbacks.")
    page.head("CONVENTIONS")
    page.paragraph("These hold for every function, and are said here once.")
    for title, text in header.conventions:
        page.item(f"\\fB{title}\\fP", marked(text))
    page.head("FUNCTIONS")
    for part in header.parts:
        page.subhead('"' + part[0].upper() + part[1:] + '"')
        for function in header.functions:
            if function.part == part:
                page.item(f"\\fB{function.name}\\fP(3)", marked(summary(function)))
    page.head("CALLBACKS")
    declaration, paragraphs, says = header.callback
    page.code([f"\\fB{escaped(declaration)};\\fP"])
    for paragraph in paragraphs:
        page.parts.append(".PP")
        page.parts.append(marked(paragraph))
    page.paragraph("Returns " + marked(says["Returns"]))
    page.head("CONSTANTS")
    for comment, constants in header.enums:
        page.subhead('"' + comment.split(".")[0].split(":")[0] + '"')
        page.paragraph(marked(comment))
        for name, number, text in constants:
            page.item(f"\\fB{name}\\fP ({escaped(number)})", marked(text or "no further meaning"))
    page.head("HISTORY")
    page.paragraph("The interface is frozen from 1.0.0 on; until then it may still change.")
    page.head('"SEE ALSO"')
    page.parts.append("\\fBk8sleader\\fP(1),\n\\fBk8sleader_client_new\\fP(3),\n\\fBk8sleader_election_start\\fP(3),\n"
                      "\\fBk8sleader_become\\fP(3)")
    return page


def main(*arguments_given):
    if arguments_given[0] == "--list":
        with open(arguments_given[1], encoding="utf-8") as file:
            print(";".join(["libk8sleader.3"] + [f"{f.name}.3" for f in read_header(file.read()).functions]))
        return
    path, folder = arguments_given
    with open(path, encoding="utf-8") as file:
        header = read_header(file.read())
    os.makedirs(folder, exist_ok=True)
    date = date_of(path)
    overview(header, date).write(folder)
    for function in header.functions:
        function_page(function, header, date).write(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
