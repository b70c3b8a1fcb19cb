#!/usr/bin/env python3
"""What scripts/release makes, in a scratch repository, used as users would: the source archive, the rock, the Go modules, the
checksums, the signatures, and the bill of materials. And the wheel, where what it bundles is built already
(scripts/build-wheel): its bill is compared with what is really inside.

RELEASE_SPDX: a program that validates SPDX (pyspdxtools). RELEASE_LUA: "5.4", the Lua that has luarocks and headers here.
"""

import functools
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest
import zipfile

import support

LUA = os.environ.get("RELEASE_LUA", "5.4")
SPDX = os.environ.get("RELEASE_SPDX") or shutil.which("pyspdxtools")
WHEEL_CACHE = pathlib.Path(os.environ.get("K8SLEADER_WHEEL_CACHE") or support.ROOT / "build/wheel")
LEAD_ONCE = """
local server = assert(require("k8sleader.testing").server())
local client = assert(server:client())
assert(client:lead("packaged", function(term) assert(term:is_leader()) end))
assert(client:close())
server:stop()
print("k8sleader " .. require("k8sleader").version() .. " leads")
"""
MAIN_GO = """package main

import (
	"context"
	"fmt"
	"os"

	k8sleader "k8sleader.test/bindings/go-cgo"
)

func main() {
	client, err := k8sleader.NewClient(k8sleader.ClientConfig{Kubeconfig: os.Args[1]})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	err = client.Lead(context.Background(), k8sleader.Options{Name: "packaged", Namespace: "default"},
		func(ctx context.Context, term *k8sleader.Term) error { return term.Err() })
	if err != nil {
		panic(err)
	}
	fmt.Println("k8sleader", k8sleader.Version(), "leads")
}
"""
MANAGER_GO = """package main

import _ "k8sleader.test/bindings/go-controller-runtime"

func main() {}
"""


@functools.cache
def wheel_is_built():
    """What the wheel bundles, by this tree's recipe."""
    recipe = hashlib.sha256((support.ROOT / "scripts/lib/wheel-dependencies.sh").read_bytes()).hexdigest()
    made = WHEEL_CACHE / "dependencies/made"
    return made.exists() and made.read_text(encoding="utf-8").split()[0] == recipe


def go_is_recent():
    found = re.match(r"go1\.(\d+)", support.run("go", "env", "GOVERSION").stdout) if shutil.which("go") else None
    return found and int(found[1]) >= 26


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@functools.cache
def released():
    """A repository, its release's folder, and the archive unpacked. A trial: no Debian packages."""
    repository = support.Repository()
    parts = "rock,go,sbom" + (",wheel" if wheel_is_built() else "")
    done = repository.release("--untagged", "--only", parts, K8SLEADER_WHEEL_CACHE=str(WHEEL_CACHE))
    assert done.returncode == 0, done.stdout
    assert "This was a trial" in done.stdout
    unpacked = support.scratch_folder() / "unpacked"
    unpacked.mkdir()
    support.output("tar", "-xzf", repository.files() / f"libk8sleader-{repository.version}.tar.gz", "-C", unpacked)
    return repository, repository.files(), unpacked / f"libk8sleader-{repository.version}"


@functools.cache
def installed():
    """The unpacked archive, built and installed, with git nowhere around: the prefix, and an environment to run with it."""
    _, _, source = released()
    build, prefix = source.parent / "build", source.parent / "prefix"
    support.output("cmake", "-S", source, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
                   "-DK8SLEADER_BUILD_TESTS=OFF", "-DK8SLEADER_BUILD_BENCH=OFF", "-DCMAKE_INSTALL_LIBDIR=lib",
                   f"-DCMAKE_INSTALL_PREFIX={prefix}")
    support.output("cmake", "--build", build, "-j", os.cpu_count())
    support.output("cmake", "--install", build)
    return prefix, {"LD_LIBRARY_PATH": f"{prefix}/lib", "PKG_CONFIG_PATH": f"{prefix}/lib/pkgconfig",
                    "K8SLEADER_PROGRAM": f"{prefix}/bin/k8sleader"}


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if support.listed_files() is None:
            raise unittest.SkipTest("this is no git checkout")
        cls.repository, cls.files, cls.source = released()
        cls.version = cls.repository.version


class SourceArchive(Case):
    def archive(self):
        return self.files / f"libk8sleader-{self.version}.tar.gz"

    def test_it_has_what_is_committed_and_nothing_else(self):
        prefix = f"libk8sleader-{self.version}/"
        committed = {}
        for line in self.repository.git("ls-tree", "-r", "HEAD").splitlines():
            mode, _, rest = line.split(" ", 2)
            committed[rest.split("\t")[1]] = mode
        with tarfile.open(self.archive()) as archive:
            inside = [entry for entry in archive if not entry.isdir()]
        self.assertEqual({entry.name for entry in inside}, {prefix + name for name in committed})
        made = int(self.repository.git("log", "-1", "--format=%ct"))
        for entry in inside:
            mode = committed[entry.name.removeprefix(prefix)]
            self.assertEqual((entry.uid, entry.gid, entry.mtime), (0, 0, made), entry.name)
            self.assertEqual(entry.issym(), mode == "120000", entry.name)
            if mode != "120000":
                self.assertEqual(entry.mode, 0o775 & ~0o022 if mode == "100755" else 0o664 & ~0o022, entry.name)

    def test_nothing_that_users_need_is_left_out_by_git(self):
        """What .gitignore hides by mistake would be in no release."""
        for name in ("LICENSE", "README.md", "CHANGELOG.md", "CMakeLists.txt", "libleader/include/k8sleader.h",
                     "libleader/k8sleader.sym", "devserver", "cli", "man", "examples", "docs/safety.md", "abi/symbols.txt",
                     "bindings/python/pyproject.toml", "bindings/lua/src", "bindings/go-cgo/go.mod",
                     "bindings/go-controller-runtime/go.mod", "tests/unit", "scripts/test"):
            self.assertTrue((self.source / name).exists(), name)
        ignored = support.output("git", "ls-files", "-oi", "--exclude-standard", "--directory", cwd=support.ROOT).split()
        rubbish = re.compile(r"(^|/)(build[\w.-]*|__pycache__|\.\w+_cache|dist|CMakeUserPresets\.json|compile_commands\.json)(/|$)|\.(so|o)$")
        self.assertEqual([name for name in ignored if not rubbish.search(name)], [])

    def test_it_is_the_same_when_another_makes_it(self):
        """In another checkout, elsewhere, at another time, with another mask and other habits of git's."""
        other = support.Repository(of=self.repository)
        config = support.scratch_folder() / "gitconfig"
        config.write_text("[tar]\n\tumask = 0077\n[core]\n\tautocrlf = input\n", encoding="utf-8")
        for name in ("README.md", "CMakeLists.txt"):
            os.utime(other.root / name, (0, 0))
        done = support.run("bash", "-c", "umask 077; exec \"$0\" \"$@\"", other.root / "scripts/release", "--untagged", "--only",
                           "rock,go,sbom", GIT_CONFIG_GLOBAL=str(config), TZ="Asia/Tokyo", LC_ALL="C")
        self.assertEqual(done.returncode, 0, done.stdout)
        for path in sorted(other.files().rglob("*")):
            # Without a wheel the bill and the sums say less.
            if path.is_file() and (not wheel_is_built() or path.suffix not in (".json", "") or path.name == "list"):
                self.assertEqual(path.read_bytes(), (self.files / path.relative_to(other.files())).read_bytes(), path.name)

    def test_it_builds_outside_git(self):
        prefix, environment = installed()
        self.assertIn(self.version, support.output(prefix / "bin/k8sleader", "--version", **environment))
        for name in ("include/k8sleader.h", "lib/libk8sleader.so", "lib/libk8sleader.a", "lib/pkgconfig/k8sleader.pc",
                     "share/man/man1/k8sleader.1", "share/man/man3/k8sleader_become.3"):
            self.assertTrue((prefix / name).exists(), name)

    def test_pythons_source_archive_is_made_of_it(self):
        copy = support.scratch_folder() / "sdist"
        shutil.copytree(self.source, copy, symlinks=True)
        support.output(copy / "scripts/build-wheel", "--source")
        made = copy / f"build/wheels/k8sleader-{self.version}.tar.gz"
        with tarfile.open(made) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        self.assertLessEqual({"PKG-INFO", "pyproject.toml", "k8sleader.i", "src/k8sleader/__init__.py", "tests/conftest.py",
                              "k8sleader-source/libleader/include/k8sleader.h", "k8sleader-source/devserver/CMakeLists.txt"}, names)
        if wheel_is_built():
            with tarfile.open(self.files / made.name) as archive:
                self.assertEqual({name.partition("/")[2] for name in archive.getnames()}, names)


@unittest.skipUnless(shutil.which("luarocks") and shutil.which("lua" + LUA), f"luarocks or Lua {LUA} is not installed")
class Rock(Case):
    def lead(self, tree):
        prefix, environment = installed()
        said = support.output("lua" + LUA, "-e", LEAD_ONCE, cwd="/", LUA_PATH=f"{tree}/share/lua/{LUA}/?.lua",
                              LUA_CPATH=f"{tree}/lib/lua/{LUA}/?.so", **environment)
        self.assertIn(f"k8sleader {self.version} leads", said)

    def test_the_source_rock_is_installed_without_the_network(self):
        prefix, _ = installed()
        tree = support.scratch_folder() / "installed"
        support.output("luarocks", "--lua-version", LUA, "--tree", tree, "install", self.files / f"k8sleader-{self.version}-1.src.rock",
                       f"K8SLEADER_DIR={prefix}", cwd="/", http_proxy="http://127.0.0.1:9", https_proxy="http://127.0.0.1:9")
        self.lead(tree)
        listed = support.output("luarocks", "--lua-version", LUA, "--tree", tree, "list", "--porcelain")
        self.assertRegex(listed, rf"k8sleader\t{self.version}-1\tinstalled")

    def test_the_rockspec_makes_it_of_the_source_archive(self):
        prefix, _ = installed()
        tree, copy = support.scratch_folder() / "made", support.scratch_folder() / "lua"
        shutil.copytree(self.source / "bindings/lua", copy)
        support.output("luarocks", "--lua-version", LUA, "--tree", tree, "make", self.files / f"k8sleader-{self.version}-1.rockspec",
                       f"K8SLEADER_DIR={prefix}", cwd=copy)
        self.lead(tree)

    def test_the_rock_has_both_files(self):
        with zipfile.ZipFile(self.files / f"k8sleader-{self.version}-1.src.rock") as rock:
            inside = {name: rock.read(name) for name in rock.namelist()}
        self.assertEqual(inside, {name: (self.files / name).read_bytes() for name in
                                  (f"k8sleader-{self.version}-1.rockspec", f"libk8sleader-{self.version}.tar.gz")})


@unittest.skipUnless(shutil.which("go"), "go is not installed")
class Go(Case):
    def module(self, name, main):
        folder = support.scratch_folder() / name
        folder.mkdir()
        (folder / "main.go").write_text(main, encoding="utf-8")
        _, environment = installed()
        # What others publish: as it was fetched before, or from where it usually comes.
        cache = support.output("go", "env", "GOMODCACHE").strip()
        proxies = f"file://{self.files}/go-proxy,file://{cache}/cache/download,{support.output('go', 'env', 'GOPROXY').strip()}"
        environment = {**environment, "GOPROXY": proxies, "GONOSUMDB": "k8sleader.test", "GOFLAGS": "", "GONOPROXY": "none",
                       "GOMODCACHE": str(support.scratch_folder() / "modules"), "GOTOOLCHAIN": "local"}
        support.output("go", "mod", "init", "example.com/" + name, cwd=folder, **environment)
        return folder, environment

    def test_the_binding_is_downloaded_built_and_leads(self):
        folder, environment = self.module("fresh", MAIN_GO)
        said = json.loads(support.output("go", "mod", "download", "-json", f"k8sleader.test/bindings/go-cgo@v{self.version}",
                                         cwd=folder, **environment))
        self.assertTrue(said["Sum"].startswith("h1:"))
        support.output("go", "get", f"k8sleader.test/bindings/go-cgo@v{self.version}", cwd=folder, **environment)
        support.output("go", "build", "-o", "fresh", ".", cwd=folder, **environment)
        self.assertIn("all modules verified", support.output("go", "mod", "verify", cwd=folder, **environment))
        kubeconfig = folder / "kubeconfig"
        prefix, _ = installed()
        with subprocess.Popen([prefix / "bin/k8sleader", "dev-server", "--kubeconfig-out", kubeconfig], stdout=subprocess.PIPE,
                              env={**support.ENVIRONMENT, **environment}, text=True) as server:
            try:
                self.assertTrue(server.stdout.readline())
                said = support.output(folder / "fresh", kubeconfig, **environment)
            finally:
                server.terminate()
        self.assertIn(f"k8sleader {self.version} leads", said)

    @unittest.skipUnless(go_is_recent(), "controller-runtime needs Go 1.26")
    def test_the_managers_module_comes_with_the_binding_of_its_version(self):
        folder, environment = self.module("manager", MANAGER_GO)
        support.output("go", "get", f"k8sleader.test/bindings/go-controller-runtime@v{self.version}", cwd=folder, **environment)
        self.assertIn(f"k8sleader.test/bindings/go-cgo v{self.version}\n", support.output("go", "list", "-m", "all", cwd=folder, **environment))
        # Each package that it needs is found. Compiling them takes minutes, of what scripts/test-go compiles, too: the same files.
        support.output("go", "list", "-deps", ".", cwd=folder, **environment)
        where = support.output("go", "list", "-f", "{{.Dir}}", "k8sleader.test/bindings/go-controller-runtime", cwd=folder, **environment)
        for path in (self.source / "bindings/go-controller-runtime").glob("*.go"):
            self.assertEqual(path.read_bytes(), (pathlib.Path(where.strip()) / path.name).read_bytes())

    def test_what_the_proxy_serves(self):
        for name in ("go-cgo", "go-controller-runtime"):
            folder = self.files / "go-proxy/k8sleader.test/bindings" / name / "@v"
            self.assertEqual((folder / "list").read_text(encoding="utf-8"), f"v{self.version}\n")
            self.assertEqual(json.loads((folder / f"v{self.version}.info").read_text(encoding="utf-8"))["Version"], "v" + self.version)
            self.assertEqual((folder / f"v{self.version}.mod").read_bytes(), (self.source / "bindings" / name / "go.mod").read_bytes())
            prefix = f"k8sleader.test/bindings/{name}@v{self.version}/"
            with zipfile.ZipFile(folder / f"v{self.version}.zip") as archive:
                inside = {entry.removeprefix(prefix): archive.read(entry) for entry in archive.namelist()}
            there = self.source / "bindings" / name
            self.assertEqual(inside, {str(path.relative_to(there)): path.read_bytes() for path in there.rglob("*") if path.is_file()})

    def test_modules_below_are_others(self):
        folder = support.scratch_folder() / "nested"
        for path, text in (("go.mod", "module example.com/Outer\n"), ("a.go", "package outer\n"), ("in/go.mod", "module x\n"),
                           ("in/b.go", "package x\n"), ("sub/c.go", "package sub\n")):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        script = support.ROOT / "scripts/lib/go_proxy.py"
        proxy = support.scratch_folder() / "nested-proxy"
        support.output("python3", "-B", script, folder, "1.2.3", proxy)
        served = proxy / "example.com/!outer/@v"
        with zipfile.ZipFile(served / "v1.2.3.zip") as archive:
            self.assertEqual(sorted(archive.namelist()), [f"example.com/Outer@v1.2.3/{name}" for name in ("a.go", "go.mod", "sub/c.go")])
        refused = support.run("python3", "-B", script, folder, "2.0.0", proxy)
        self.assertIn("ends in /v2", refused.stdout)
        (folder / "link").symlink_to("a.go")
        refused = support.run("python3", "-B", script, folder, "1.2.4", proxy)
        self.assertIn("is no plain file", refused.stdout)


class Sums(Case):
    def test_they_hold_and_name_everything(self):
        support.output("sha256sum", "--strict", "-c", "SHA256SUMS", cwd=self.files)
        named = {line.split("  ", 1)[1] for line in (self.files / "SHA256SUMS").read_text(encoding="utf-8").splitlines()}
        there = {str(path.relative_to(self.files)) for path in self.files.rglob("*") if path.is_file()}
        self.assertEqual(named, there - {"SHA256SUMS"})

    def test_one_byte_is_noticed(self):
        copy = support.scratch_folder() / "tampered"
        shutil.copytree(self.files, copy)
        with open(copy / f"libk8sleader-{self.version}.tar.gz", "r+b") as file:
            file.seek(1000)
            byte = file.read(1)
            file.seek(1000)
            file.write(bytes([byte[0] ^ 1]))
        self.assertNotEqual(support.run("sha256sum", "-c", "SHA256SUMS", cwd=copy).returncode, 0)

    @unittest.skipUnless(shutil.which("gpg"), "gpg is not installed")
    def test_signatures(self):
        # Its agent's socket has a short path alone.
        with tempfile.TemporaryDirectory(prefix="gpg-") as home:
            keys = {"GNUPGHOME": home}
            support.output("gpg", "--batch", "--passphrase", "", "--quick-generate-key", "Release <release@example.com>", "ed25519",
                           "sign", **keys)
            repository = support.Repository(of=self.repository)
            done = repository.release("--untagged", "--only", "go", "--sign", "release@example.com", **keys)
            self.assertEqual(done.returncode, 0, done.stdout)
            for name in ("SHA256SUMS", f"libk8sleader-{self.version}.tar.gz"):
                support.output("gpg", "--verify", repository.files() / (name + ".asc"), repository.files() / name, **keys)
            support.output("sha256sum", "-c", "SHA256SUMS", cwd=repository.files())
            support.run("gpgconf", "--kill", "gpg-agent", **keys)


class Bill(Case):
    def setUp(self):
        self.path = self.files / f"libk8sleader-{self.version}.spdx.json"
        self.bill = json.loads(self.path.read_text(encoding="utf-8"))
        self.packages = {row["SPDXID"]: row for row in self.bill["packages"]}

    def related(self, identifier, kind):
        return {row["relatedSpdxElement"] for row in self.bill["relationships"]
                if row["spdxElementId"] == identifier and row["relationshipType"] == kind}

    def validated(self, path):
        return support.run(SPDX, "--infile", path, "--version", "SPDX-2.3")

    @unittest.skipUnless(SPDX, "pyspdxtools is not installed (RELEASE_SPDX)")
    def test_it_is_valid(self):
        done = self.validated(self.path)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:])
        # And what is not would be seen.
        self.packages[self.bill["packages"][0]["SPDXID"]]["checksums"][0]["checksumValue"] = "77"
        broken = support.scratch_folder() / "broken.spdx.json"
        broken.write_text(json.dumps(self.bill), encoding="utf-8")
        self.assertNotEqual(self.validated(broken).returncode, 0)

    def test_each_file_that_is_published_is_described(self):
        described = {self.packages[name]["packageFileName"]: self.packages[name]
                     for name in self.related("SPDXRef-DOCUMENT", "DESCRIBES")}
        published = {str(path.relative_to(self.files)) for path in self.files.rglob("*")
                     if path.name.endswith((".tar.gz", ".whl", ".rock", ".zip", ".deb"))}
        self.assertEqual(set(described), published)
        for name, row in described.items():
            self.assertEqual(row["checksums"], [{"algorithm": "SHA256", "checksumValue": sha256(self.files / name)}])
            self.assertEqual(row["versionInfo"], self.version)

    def test_each_file_inside_is_listed_with_its_hash(self):
        files = {row["SPDXID"]: row for row in self.bill["files"]}
        identifier = next(name for name, row in self.packages.items() if row.get("packageFileName", "").startswith("libk8sleader-"))
        listed = {files[name]["fileName"]: {row["algorithm"]: row["checksumValue"] for row in files[name]["checksums"]}
                  for name in self.related(identifier, "CONTAINS")}
        expected = {}
        for path in self.source.rglob("*"):
            if path.is_file() and not path.is_symlink():
                expected[f"./{self.source.name}/{path.relative_to(self.source)}"] = sha256(path)
        self.assertEqual({name: row["SHA256"] for name, row in listed.items()}, expected)
        hashes = "".join(sorted(row["SHA1"] for row in listed.values()))
        self.assertEqual(self.packages[identifier]["packageVerificationCode"]["packageVerificationCodeValue"],
                         hashlib.sha1(hashes.encode()).hexdigest())

    def test_what_go_modules_need(self):
        identifier = next(name for name, row in self.packages.items() if row["name"].endswith("/go-controller-runtime"))
        needed = {(self.packages[name]["name"], self.packages[name]["versionInfo"]) for name in self.related(identifier, "DEPENDS_ON")}
        if go_is_recent():
            said = support.output("go", "mod", "edit", "-json", self.source / "bindings/go-controller-runtime/go.mod")
            required = {(row["Path"], row["Version"]) for row in json.loads(said)["Require"]}
            own = ("k8sleader.test/bindings/go-cgo", self.version)
            self.assertEqual(needed - {own}, {row for row in required if row[0] != own[0]})
        self.assertIn(("k8sleader.test/bindings/go-cgo", self.version), needed)

    # ---- the wheel ----

    def wheel(self):
        if not wheel_is_built():
            self.skipTest("what the wheel bundles is not built (scripts/build-wheel)")
        return next(self.files.glob("*.whl"))

    def bundled(self):
        identifier = next(name for name, row in self.packages.items() if row.get("packageFileName", "").endswith(".whl"))
        return {self.packages[name]["name"]: self.packages[name] for name in self.related(identifier, "STATIC_LINK")}

    def test_the_wheels_libraries_are_those_with_a_licence_in_it(self):
        with zipfile.ZipFile(self.wheel()) as wheel:
            licences = {name.rpartition("LICENSE.")[2] for name in wheel.namelist() if "/LICENSE." in name} - {"contents"}
        # By the names of Debian's sources.
        self.assertEqual({name.removesuffix("28") for name in self.bundled()}, licences)
        for row in self.bundled().values():
            self.assertRegex(row["downloadLocation"], r"^https?://.*\.dsc$")
            self.assertRegex(row["checksums"][0]["checksumValue"], r"^[0-9a-f]{64}$")
            self.assertNotIn("NOASSERTION", (row["licenseDeclared"], row["versionInfo"]))

    def test_the_wheels_libraries_say_the_same_versions(self):
        """In the machine code, or where it was linked from, whatever was written down when they were fetched."""
        with zipfile.ZipFile(self.wheel()) as wheel:
            code = b"".join(wheel.read(name) for name in wheel.namelist() if name.endswith((".so", "/bin/k8sleader")))
        upstream = {name: re.sub(r"^\d+:|-[^-]*$", "", row["versionInfo"]).partition("+")[0] for name, row in self.bundled().items()}
        for name, text in (("openssl", "OpenSSL {} "), ("gnutls28", "GnuTLS {} ")):
            self.assertTrue(text.format(upstream[name]).encode() in code, name)  # assertIn would show megabytes
        # The others leave no version in it; what they were linked from does.
        for name, file in (("openssl", "libcrypto"), ("curl", "libcurl"), ("nghttp2", "libnghttp2"), ("json-c", "json-c"),
                           ("libyaml", "yaml-0.1"), ("nettle", "nettle"), ("gnutls28", "gnutls"), ("libmicrohttpd", "libmicrohttpd")):
            described = (WHEEL_CACHE / "dependencies/lib/pkgconfig" / (file + ".pc")).read_text(encoding="utf-8")
            self.assertIn(f"\nVersion: {upstream.pop(name)}\n", described, name)
        self.assertEqual(upstream, {})


@unittest.skipUnless(shutil.which("dpkg-deb"), "dpkg is not installed")
class DebianPackages(unittest.TestCase):
    """What the bill says of packages, of two that depend on each other and on what is not ours."""

    def setUp(self):
        self.folder = support.scratch_folder() / self.id().rpartition(".")[2]
        (self.folder / "debs/trixie").mkdir(parents=True)
        with tarfile.open(self.folder / "libk8sleader-1.2.3.tar.gz", "w:gz") as archive:
            archive.addfile(tarfile.TarInfo("libk8sleader-1.2.3/README.md"), io.BytesIO())
        self.package("libk8sleader1", "libc6 (>= 2.38), libcurl4t64 (>= 7.84) | libcurl4", "usr/lib/libk8sleader.so.1")
        self.package("k8sleader", "libk8sleader1 (= 1.2.3-1), libc6 (>= 2.38)", "usr/bin/k8sleader")

    def package(self, name, depends, path):
        tree = support.scratch_folder() / (self.id() + name)
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN/control").write_text(f"Package: {name}\nVersion: 1.2.3-1\nArchitecture: amd64\nMaintainer: a <a@example.com>\n"
                                             f"Depends: {depends}\nDescription: test\n", encoding="utf-8")
        (tree / path).parent.mkdir(parents=True)
        (tree / path).write_text(name, encoding="utf-8")
        support.output("dpkg-deb", "--root-owner-group", "-b", tree, self.folder / "debs/trixie")

    def make(self):
        done = support.run("python3", "-B", support.ROOT / "scripts/lib/sbom.py", self.folder, "1.2.3")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.path = self.folder / "libk8sleader-1.2.3.spdx.json"
        return json.loads(self.path.read_text(encoding="utf-8"))

    def test_dependencies_and_files(self):
        bill = self.make()
        names = {row["SPDXID"]: row["name"] for row in bill["packages"]}
        depends = {(names[row["spdxElementId"]], names[row["relatedSpdxElement"]], row.get("comment", ""))
                   for row in bill["relationships"] if row["relationshipType"] == "DEPENDS_ON"}
        self.assertEqual(depends, {
            ("libk8sleader1", "libc6", ">= 2.38"), ("libk8sleader1", "libcurl4t64", ">= 7.84"), ("libk8sleader1", "libcurl4", ""),
            ("k8sleader", "libk8sleader1", "= 1.2.3-1"), ("k8sleader", "libc6", ">= 2.38")})
        locators = {row["name"]: row["externalRefs"][0]["referenceLocator"] for row in bill["packages"] if "externalRefs" in row}
        self.assertEqual(locators["k8sleader"], "pkg:deb/debian/k8sleader@1.2.3-1?arch=amd64&distro=trixie")
        self.assertIn("./usr/bin/k8sleader", {row["fileName"] for row in bill["files"]})
        self.assertEqual(len([row for row in bill["packages"] if row["name"] == "libk8sleader1"]), 1)

    @unittest.skipUnless(SPDX, "pyspdxtools is not installed (RELEASE_SPDX)")
    def test_it_is_valid(self):
        self.make()
        done = support.run(SPDX, "--infile", self.path, "--version", "SPDX-2.3")
        self.assertEqual(done.returncode, 0, done.stdout[-3000:])

    def test_a_wheel_with_something_unknown_is_refused(self):
        contents = "zlib 1.3 http://deb.example/zlib.dsc sha256:" + 64 * "0" + "\n"
        with zipfile.ZipFile(self.folder / "k8sleader-1.2.3-cp39-abi3-linux.whl", "w") as wheel:
            wheel.writestr("k8sleader-1.2.3.dist-info/licenses/LICENSE.contents", contents)
            wheel.writestr("k8sleader-1.2.3.dist-info/licenses/LICENSE.zlib", "free")
            wheel.writestr("k8sleader-1.2.3.dist-info/licenses/LICENSE", "free")
        done = support.run("python3", "-B", support.ROOT / "scripts/lib/sbom.py", self.folder, "1.2.3")
        self.assertIn("has zlib inside, whose licence is not known", done.stdout)
        self.assertNotEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
