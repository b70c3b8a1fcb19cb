"""Text to man(7): what the pages of the library and of the program have in common."""

import datetime
import os
import re


def escaped(text):
    """Text of which no character means anything to roff; a hyphen that may be typed stays one."""
    text = text.replace("\\", "\\e")
    return re.sub(r"(?<![\w.])-(?=[\w-])|-(?=-)|(?<=[A-Z]-)-", r"\\-", text)


def line(text):
    """A line that does not begin with a control character."""
    return "\\&" + text if text[:1] in (".", "'") else text


def sentences(text):
    """One to a line, as manual pages are written, so that typesetters see where they end."""
    return "\n".join(line(part) for part in re.split(r"(?<=[.!?])\s+(?=[A-Z*(])", " ".join(text.split())))


def quoted(text):
    return '"' + text.replace('"', '\\(dq') + '"'


def date_of(path):
    """The build's date where it is fixed, else the source's."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or int(os.path.getmtime(path))
    return datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).strftime("%Y-%m-%d")


class Page:
    def __init__(self, name, section, date, version, manual):
        self.name = name
        self.section = section
        self.parts = [f".TH {quoted(name)} {section} {quoted(date)} {quoted('k8sleader ' + version)} {quoted(manual)}"]

    def head(self, title):
        self.parts.append(f".SH {title}")

    def subhead(self, title):
        self.parts.append(f".SS {title}")

    def paragraph(self, text):
        """Text that is roff already."""
        if self.parts[-1].startswith((".SH", ".SS")):
            self.parts.append(sentences(text))
        else:
            self.parts.append(".PP\n" + sentences(text))

    def item(self, tag, text):
        self.parts.append(f".TP\n{line(tag)}\n{sentences(text)}")

    def code(self, lines):
        self.parts.append(".nf\n" + "\n".join(line(text) for text in lines) + "\n.fi")

    def write(self, folder):
        path = os.path.join(folder, f"{self.name}.{self.section}")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(self.parts) + "\n")
        return path
