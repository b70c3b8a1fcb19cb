#!/usr/bin/env python3
"""Writes the bill of materials of a release's files: sbom.py FOLDER VERSION

FOLDER/libk8sleader-VERSION.spdx.json, SPDX 2.3: a package for each file to be published, with the files inside and their hashes;
for each library inside the wheel, with version, licence, source and hash; and for what is needed to run. All of it is read
from the files themselves: Debian packages by dpkg-deb, the wheel's libraries from its LICENSE.contents, which is written when they
are built. SPDX and not CycloneDX, since it has words for what a statically linked library is to a wheel, for files within
packages, and its name is known to distributions. The same files give the same bytes, with SOURCE_DATE_EPOCH.
"""

import datetime
import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import urllib.parse
import uuid
import zipfile

OURS = "Apache-2.0"
# What may be inside the wheel, by Debian's source packages: the licence of what is linked in.
LICENCES = {
    "openssl": "Apache-2.0", "nghttp2": "MIT", "curl": "curl", "json-c": "MIT", "libyaml": "MIT",
    "nettle": "LGPL-3.0-or-later OR GPL-2.0-or-later", "gnutls28": "LGPL-2.1-or-later", "libmicrohttpd": "LGPL-2.1-or-later",
}
REMARKS = {
    "nettle": "With mini-gmp, which comes with it. In the program of the wheel alone.",
    "gnutls28": "With the copies of libtasn1 and libunistring that come with it. In the program of the wheel alone.",
    "libmicrohttpd": "In the program of the wheel alone.",
}
CONTENTS_ROW = re.compile(r"^(\S+) (\d\S*) (https?://\S+) sha256:([0-9a-f]{64})$", re.M)


class Unreadable(Exception):
    pass


def members(path):
    """(name, content) of each plain file inside a file that is published; nothing for one that is no archive."""
    name = path.name
    if name.endswith((".whl", ".zip", ".rock")):
        with zipfile.ZipFile(path) as archive:
            return [(entry.filename, archive.read(entry)) for entry in archive.infolist() if not entry.is_dir()]
    if name.endswith(".tar.gz"):
        return tar_members(tarfile.open(path))
    if name.endswith(".deb"):
        done = subprocess.run(["dpkg-deb", "--fsys-tarfile", path], check=True, capture_output=True)
        return tar_members(tarfile.open(fileobj=io.BytesIO(done.stdout)))
    return []


def tar_members(archive):
    with archive:
        return [(entry.name, archive.extractfile(entry).read()) for entry in archive if entry.isfile()]


def digest(content, algorithm="sha256"):
    return hashlib.new(algorithm, content).hexdigest()


def checksum(content_or_hex, algorithm="SHA256"):
    if isinstance(content_or_hex, bytes):
        content_or_hex = digest(content_or_hex, algorithm.lower())
    return {"algorithm": algorithm, "checksumValue": content_or_hex}


def purl(kind, name, version="", **qualifiers):
    text = f"pkg:{kind}/{urllib.parse.quote(name, safe='/')}"
    if version:
        text += "@" + urllib.parse.quote(version, safe="~")
    if qualifiers:
        text += "?" + urllib.parse.urlencode(sorted(qualifiers.items()))
    return [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": text}]


class Bill:
    def __init__(self, version):
        self.version = version
        self.packages, self.files, self.relationships = {}, [], []

    def identify(self, *parts):
        return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]+", "-", "-".join(parts))

    def relate(self, element, kind, other, **fields):
        row = {"spdxElementId": element, "relationshipType": kind, "relatedSpdxElement": other, **fields}
        if row not in self.relationships:
            self.relationships.append(row)

    def add(self, identifier, name, **fields):
        """A package; one that is there already is what was meant."""
        row = self.packages.setdefault(identifier, {
            "SPDXID": identifier, "name": name, "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
            "copyrightText": "NOASSERTION", "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION", **fields})
        if row["name"] != name:
            raise Unreadable(f"{name} and {row['name']} have one identifier")
        return identifier

    def add_published(self, folder, path, name, references, purpose):
        """A file that is published, and what is inside."""
        relative = str(path.relative_to(folder))
        identifier = self.identify("published", relative)
        content = path.read_bytes()
        self.add(identifier, name, versionInfo=self.version, packageFileName=relative, checksums=[checksum(content)],
                 licenseConcluded=OURS, licenseDeclared=OURS, supplier="NOASSERTION", primaryPackagePurpose=purpose,
                 **({"externalRefs": references} if references else {}))
        self.relate("SPDXRef-DOCUMENT", "DESCRIBES", identifier)
        hashes = []
        for number, (member, inside) in enumerate(sorted(members(path))):
            file = self.identify("file", relative, str(number))
            self.files.append({"SPDXID": file, "fileName": "./" + member.removeprefix("./"),
                               "checksums": [checksum(inside, "SHA1"), checksum(inside)], "copyrightText": "NOASSERTION",
                               "licenseConcluded": "NOASSERTION"})
            hashes.append(digest(inside, "sha1"))
            self.relate(identifier, "CONTAINS", file)
        if hashes:
            code = digest("".join(sorted(hashes)).encode(), "sha1")
            self.packages[identifier].update(filesAnalyzed=True, packageVerificationCode={"packageVerificationCodeValue": code})
        return identifier

    def document(self, seconds):
        made = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
        packages = list(self.packages.values())
        known = "".join(sorted(row["checksums"][0]["checksumValue"] for row in packages if "checksums" in row))
        namespace = uuid.uuid5(uuid.NAMESPACE_URL, known)
        return {
            "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
            "name": f"libk8sleader-{self.version}",
            "documentNamespace": f"https://spdx.org/spdxdocs/libk8sleader-{self.version}-{namespace}",
            "creationInfo": {"created": made.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: libk8sleader-scripts-release"]},
            "packages": packages, "files": self.files, "relationships": self.relationships}


def add_wheel(bill, folder, path):
    identifier = bill.add_published(folder, path, "k8sleader", purl("pypi", "k8sleader", bill.version), "LIBRARY")
    inside = {pathlib.PurePosixPath(name).name: content for name, content in members(path)}
    licences = {name.removeprefix("LICENSE.") for name in inside if name.startswith("LICENSE.")} - {"contents"}
    found = CONTENTS_ROW.findall(inside.get("LICENSE.contents", b"").decode())
    if len(found) != len(licences) or not found:
        raise Unreadable(f"{path.name}: LICENSE.contents names {len(found)} libraries, but there are {len(licences)} licences")
    for name, version, url, sha256 in found:
        if name not in LICENCES:
            raise Unreadable(f"{path.name} has {name} inside, whose licence is not known to scripts/lib/sbom.py")
        remark = {"comment": REMARKS[name]} if name in REMARKS else {}
        bundled = bill.add(
            bill.identify("bundled", name), name, versionInfo=version, downloadLocation=url, checksums=[checksum(sha256)],
            licenseConcluded=LICENCES[name], licenseDeclared=LICENCES[name], supplier="Organization: Debian",
            sourceInfo="The file at the download location, whose hash this is, names all files of the source with theirs.",
            externalRefs=purl("deb", "debian/" + name, version, arch="source"), primaryPackagePurpose="LIBRARY", **remark)
        bill.relate(identifier, "STATIC_LINK", bundled)


def field(path, name):
    done = subprocess.run(["dpkg-deb", "-f", path, name], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def add_debs(bill, folder, paths):
    """The packages of one suite: what they depend on is one of them, or the suite's."""
    identifiers = {}
    for path in paths:
        name, version = field(path, "Package"), field(path, "Version")
        references = purl("deb", "debian/" + name, version, arch=field(path, "Architecture"), distro=path.parent.name)
        identifiers[path] = bill.add_published(folder, path, name, references, "INSTALL")
        bill.packages[identifiers[path]]["versionInfo"] = version
    ours = {field(path, "Package"): identifier for path, identifier in identifiers.items()}
    for path, identifier in identifiers.items():
        for group in filter(None, re.split(r"\s*,\s*", ", ".join((field(path, "Pre-Depends"), field(path, "Depends"))))):
            for alternative in re.split(r"\s*\|\s*", group):
                name, constraint = re.fullmatch(r"([a-z0-9.+-]+)(?::\w+)?\s*(?:\((.*)\))?", alternative).groups()
                other = ours.get(name) or bill.add(
                    bill.identify("debian", path.parent.name, name), name, supplier="Organization: Debian",
                    externalRefs=purl("deb", "debian/" + name, distro=path.parent.name), primaryPackagePurpose="LIBRARY")
                # Which version is there is the user's system's to say; which will do stands with who needs it.
                bill.relate(identifier, "DEPENDS_ON", other, **({"comment": constraint} if constraint else {}))


def add_go(bill, folder, paths):
    modules = {}
    for path in paths:
        module = str(path.relative_to(folder / "go-proxy").parent.parent)
        identifier = bill.add_published(folder, path, module, purl("golang", module, "v" + bill.version), "LIBRARY")
        modules[module] = (identifier, path.with_suffix(".mod").read_text(encoding="utf-8"))
    for identifier, text in modules.values():
        for name, version in re.findall(r"^(?:require\s+|\t)([^\s/]+\.\S+) (v\S+)", text, re.M):
            other = modules[name][0] if name in modules else bill.add(
                bill.identify("go", name, version), name, versionInfo=version, externalRefs=purl("golang", name, version),
                primaryPackagePurpose="LIBRARY")
            bill.relate(identifier, "DEPENDS_ON", other)


def make(folder, version, seconds):
    bill = Bill(version)
    source = bill.add_published(folder, folder / f"libk8sleader-{version}.tar.gz", "libk8sleader", [], "SOURCE")
    for path in folder.glob("*.whl"):
        add_wheel(bill, folder, path)
    for path in folder.glob("k8sleader-*.tar.gz"):
        bill.add_published(folder, path, "k8sleader", purl("pypi", "k8sleader", version), "SOURCE")
    for path in folder.glob("*.src.rock"):
        bill.add_published(folder, path, "k8sleader", purl("luarocks", "k8sleader", version + "-1"), "SOURCE")
    for suite in sorted(folder.glob("debs/*")):
        add_debs(bill, folder, sorted(suite.glob("*.deb")))
    add_go(bill, folder, sorted(folder.glob("go-proxy/**/*.zip")))
    for row in list(bill.packages.values()):
        if "packageFileName" in row and row["SPDXID"] != source:
            bill.relate(row["SPDXID"], "GENERATED_FROM", source)
    return bill.document(seconds)


def main(folder, version):
    folder = pathlib.Path(folder)
    try:
        document = make(folder, version, int(os.environ.get("SOURCE_DATE_EPOCH", "0")))
    except Unreadable as error:
        sys.exit(f"sbom: {error}")
    with open(folder / f"libk8sleader-{version}.spdx.json", "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.split("\n", 1)[0])
    main(*sys.argv[1:])
