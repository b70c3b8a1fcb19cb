"""A memory limit for a candidate, as a container has one, and the kernel's OOM killer that enforces it."""

import os
import subprocess

LIMIT = 64 << 20  # some candidates' worth
# Fills the memory that is left, as whoever shares the limit with the candidate may do at any time. The candidate is
# what the kernel then prefers to kill (oom_score_adj); this one goes on, fills what that has freed, and is next.
EATER = 'echo 0 >"$0" && exec tail /dev/zero'
# Enters the group before there is anything to count.
ENTER = 'echo 0 >"$0" && echo 1000 >/proc/self/oom_score_adj && exec "$@"'


def parent_group():
    """The folder in which groups with a limit can be made, as /proc tells, and whether it is of version 2."""
    with open("/proc/self/cgroup", encoding="ascii") as file:
        rows = [line.rstrip("\n").split(":", 2) for line in file]
    with open("/proc/mounts", encoding="ascii") as file:
        mounts = [line.split() for line in file]
    for _, controllers, path in rows:
        if "memory" in controllers.split(","):
            mount = next(m for m in mounts if m[2] == "cgroup" and "memory" in m[3].split(","))
            return os.path.join(mount[1], path.lstrip("/")), False
    path = next(path for number, _, path in rows if number == "0")
    mount = next(m for m in mounts if m[2] == "cgroup2")
    return os.path.join(mount[1], path.lstrip("/")), True


class Group:
    """A memory cgroup for one candidate. OSError or StopIteration: there can be none here."""

    def __init__(self, name):
        parent, self.is_v2 = parent_group()
        self.folder = os.path.join(parent, f"k8sleader-{os.getpid()}-{name}")
        os.mkdir(self.folder)
        try:
            self._write("memory.max" if self.is_v2 else "memory.limit_in_bytes", LIMIT)
        except OSError:
            os.rmdir(self.folder)
            raise

    def _write(self, name, value):
        # Never made here: in a group without that controller the file is missing.
        with open(os.path.join(self.folder, name), "r+", encoding="ascii") as file:
            file.write(str(value))

    def enter(self):
        """What a command is to begin with to run in it."""
        return ["sh", "-c", ENTER, os.path.join(self.folder, "cgroup.procs")]

    def killed(self):
        """How many the kernel has killed in it, for want of memory."""
        name = "memory.events" if self.is_v2 else "memory.oom_control"
        with open(os.path.join(self.folder, name), encoding="ascii") as file:
            return int(dict(line.split() for line in file)["oom_kill"])

    def exhaust(self):
        """Returns when the memory is used up, and the kernel has killed whom it chose."""
        subprocess.run(["sh", "-c", EATER, os.path.join(self.folder, "cgroup.procs")], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def remove(self):
        os.rmdir(self.folder)


def why_not():
    """None where candidates can have a limit; else the reason."""
    try:
        Group("trial").remove()
        return None
    except (OSError, StopIteration) as error:
        return f"no memory cgroup can be made here ({error or 'none is mounted'})"
