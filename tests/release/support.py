"""A scratch repository with the tree as it is, ready to be released, and the releases that are made of it."""

import atexit
import functools
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = "libleader/include/k8sleader.h"
GO_MODULES = ("bindings/go-controller-runtime", "examples/memcached-operator/go")
PATIENCE_S = 1200
# Of git and of the scripts nothing that is set where the tests run: no hooks, no signing, no names.
ENVIRONMENT = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
               "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
               "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com"}
for name in [name for name in ENVIRONMENT if name in ("SOURCE_DATE_EPOCH", "GIT_DIR", "GIT_WORK_TREE")]:
    del ENVIRONMENT[name]


@functools.cache
def scratch_folder():
    folder = tempfile.mkdtemp(prefix="k8sleader-release-")
    atexit.register(remove, folder)
    return pathlib.Path(folder)


def remove(folder):
    """Go's cache of modules is not to be written to."""
    subprocess.run(["chmod", "-R", "u+w", str(folder)], check=False)
    shutil.rmtree(folder, ignore_errors=True)


def run(*command, cwd=None, **environment):
    """What it says; whatever its exit code."""
    return subprocess.run([str(part) for part in command], cwd=cwd, env={**ENVIRONMENT, **environment}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE_S)


def output(*command, cwd=None, **environment):
    done = run(*command, cwd=cwd, **environment)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


def listed_files():
    """What git knows of the tree as it is, or would take; None outside a checkout."""
    done = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, env=ENVIRONMENT, capture_output=True)
    if done.returncode:
        return None
    return [name for name in done.stdout.decode().split("\0") if name and os.path.lexists(ROOT / name)]


class Repository:
    """A repository that scripts/release accepts; `change` makes of it what is to be refused."""

    count = 0

    def __init__(self, of=None):
        Repository.count += 1
        self.root = scratch_folder() / f"repository-{Repository.count}"
        if of:
            output("git", "clone", "-q", "--shared", of.root, self.root)
            self.version = of.version
            self.passes_tests()
            return
        for name in listed_files():
            target = self.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target, follow_symlinks=False)
        self.git("init", "-q", "-b", "main")
        self.version = re.search(r'^#define K8SLEADER_VERSION +"(.*)"', self.read(HEADER), re.M)[1]
        self.make_releasable()
        self.commit()
        self.git("tag", "-a", "-m", "release", "v" + self.version)

    def make_releasable(self):
        """What has to be right only when a version is released, and is not while it is worked on."""
        self.replace("CHANGELOG.md", r"^## .*$", f"## {self.version}, 2026-11-22", count=1)
        for module in GO_MODULES:
            self.replace(f"{module}/go.mod", r"(bindings/go-cgo) v\S+", rf"\1 v{self.version}")
        if (self.root / "debian/changelog").exists():
            self.replace("debian/changelog", r"\A(\S+) \([^-)]*", rf"\1 ({self.version}")
        self.keep_abi()

    def keep_abi(self):
        """As abi/keep would, which needs a build: what the newest kept release has, and the symbols that came since."""
        kept = self.root / "abi" / self.version.rpartition(".")[0]
        if not kept.exists():
            releases = [path for path in kept.parent.iterdir() if re.fullmatch(r"\d+\.\d+", path.name)]
            shutil.copytree(max(releases, key=lambda path: [int(number) for number in path.name.split(".")]), kept)
        dump = kept / "libk8sleader.abi"
        text = dump.read_text(encoding="utf-8")
        for name, since in re.findall(r"^(k8sleader_\w+)\s+(\S+)", self.read("abi/symbols.txt"), re.M):
            if f"<elf-symbol name='{name}'" not in text:
                row = f"    <elf-symbol name='{name}' version='K8SLEADER_{since}' is-default-version='yes' type='func-type' " \
                      "binding='global-binding' visibility='default-visibility' is-defined='yes'/>\n"
                text = text.replace("  </elf-function-symbols>\n", row + "  </elf-function-symbols>\n", 1)
        dump.write_text(text, encoding="utf-8")

    def git(self, *arguments):
        return output("git", *arguments, cwd=self.root)

    def read(self, name):
        return (self.root / name).read_text(encoding="utf-8")

    def write(self, name, text):
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text, encoding="utf-8")

    def replace(self, name, pattern, by, count=0):
        text, found = re.subn(pattern, by, self.read(name), count=count, flags=re.M)
        assert found, f"{name} has nothing like {pattern}"
        self.write(name, text)

    def commit(self):
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "change")
        self.passes_tests()

    def passes_tests(self):
        """As scripts/test says it of a commit: it takes three quarters of an hour, and is not what is tested here."""
        self.write("build/tested", self.git("rev-parse", "HEAD"))

    def tag(self, version=None):
        """HEAD, anew."""
        self.git("tag", "-f", "-a", "-m", "release", "v" + (version or self.version))

    def release(self, *arguments, **environment):
        return run(self.root / "scripts/release", *arguments, cwd="/", **environment)

    def files(self):
        return self.root / "build/release-files" / self.version
