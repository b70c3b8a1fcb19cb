"""A network of our own: the API server at its centre, and each candidate at the end of a cable of its own.

The centre is the network namespace that this process runs in (run.py enters a fresh one), so that nothing outside is
touched, and nothing is left over when its last process has ended. A cable is a veth pair; its far end lies in the
network namespace of one candidate. Packets are dropped where they arrive: requests at the centre, answers in the
candidate's namespace. Whoever sent them believes them on their way, as on a real network; a drop where they leave would
be an error that the sender's kernel is told of.
"""

import re
import subprocess

SERVER = "10.99.0.1"  # what the API server listens on; each candidate has an address in 10.99.1.0/24
ESTABLISHED = "01"  # in /proc/net/tcp


def run(command, text=None):
    result = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if result.returncode != 0:
        raise OSError(f"{' '.join(command)}: {result.stderr.strip() or result.returncode}")
    return result.stdout


def prepare():
    """Makes the centre of the namespace that this process is in, and tries what tests will need. OSError: why not."""
    # Not the machine's own: names of namespaces are kept in files, which would outlive us.
    run(["mount", "-t", "tmpfs", "none", "/run"])
    run(["ip", "-batch", "-"], f"link set lo up\naddress add {SERVER}/32 dev lo\n")
    cable = Cable("trial", 255)
    try:
        cable.drop(requests="numgen random mod 100 < 20", answers="tcp dport { 1, 2 }")
        cable.heal()
    finally:
        cable.remove()


class Cable:
    """From one candidate to the API server."""

    def __init__(self, name, number):
        self.name = name
        self.number = number  # 1 to 255
        address = f"10.99.1.{number}"
        run(["ip", "netns", "add", name])
        run(["ip", "-batch", "-"],
            f"link add {name} type veth peer name uplink netns {name}\n"
            f"address add {SERVER} peer {address} dev {name}\nlink set {name} up\n")
        run(["ip", "-netns", name, "-batch", "-"],
            f"link set lo up\naddress add {address} peer {SERVER} dev uplink\nlink set uplink up\n")

    def remove(self):
        self.heal()
        run(["ip", "link", "delete", self.name])
        run(["ip", "netns", "delete", self.name])

    def enter(self):
        """What a command is to begin with to run at the far end."""
        return ["nsenter", f"--net=/run/netns/{self.name}"]

    def drop(self, requests=None, answers=None):
        """Drops what matches, an expression of nft's; "": everything; None: nothing. Until heal()."""
        if requests is not None:
            run(["nft", "-f", "-"], self._table(self.name, requests))
        if answers is not None:
            run([*self.enter(), "nft", "-f", "-"], self._table("uplink", answers))

    def _table(self, device, match):
        # Before anything else looks at the packet. The candidate's table is named as the centre's: one per cable.
        return (f"table inet {self.name} {{ chain arriving {{ type filter hook prerouting priority -300; "
                f'iifname "{device}" meta l4proto tcp {match} counter drop; }}; }}\n')

    def drop_connections(self, pid):
        """Those that are open now, both ways; new ones pass. Their ports."""
        ports = self.open_ports(pid)
        if ports:
            listed = "{ " + ", ".join(map(str, sorted(ports))) + " }"
            self.drop(requests=f"tcp sport {listed}", answers=f"tcp dport {listed}")
        return ports

    def open_ports(self, pid):
        """The near ports of the connections of a candidate."""
        with open(f"/proc/{pid}/net/tcp", encoding="ascii") as file:
            rows = [line.split() for line in file.readlines()[1:]]
        return {int(row[1].split(":")[1], 16) for row in rows if row[3] == ESTABLISHED}

    def dropped(self):
        """How many packets have been dropped since drop(): (requests, answers)."""
        return tuple(self._count(prefix) for prefix in ([], self.enter()))

    def _count(self, prefix):
        tables = run([*prefix, "nft", "list", "tables"])
        if f"table inet {self.name}\n" not in tables:
            return 0
        return int(re.search(r"packets (\d+)", run([*prefix, "nft", "list", "table", "inet", self.name]))[1])

    def heal(self):
        """Everything passes again. How many packets had been dropped: (requests, answers)."""
        dropped = self.dropped()
        for prefix in [], self.enter():
            # Added first, so that it is there to be deleted.
            run([*prefix, "nft", "-f", "-"], f"add table inet {self.name}\ndelete table inet {self.name}\n")
        return dropped

    def unplug(self):
        """The candidate's own kernel knows at once, and says so."""
        run(["ip", "-netns", self.name, "link", "set", "uplink", "down"])

    def plug_in(self):
        run(["ip", "-netns", self.name, "link", "set", "uplink", "up"])
