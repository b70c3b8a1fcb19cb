"""How long renewals take: from renewTime, which each subject takes before it writes, until somebody's watch shows it."""

import threading
import time

from measure.bed import CLIENTGO, LEASES, PYTHON, RETRY_S, wall_time
from measure.candidate import Candidate
from measure.figure import OURS, Figure

SIDE_BY_SIDE = 8
WARM_UP = 3  # renewals of each lease


class Watcher(threading.Thread):
    """Keeps, for each lease of some name, the ms from each renewTime to its event."""

    def __init__(self, bed, prefix):
        super().__init__(daemon=True)
        self.stream = bed.client.watch(LEASES.format(bed.namespace))
        self.prefix, self.closed, self.took = prefix, False, {}
        self.start()

    def run(self):
        try:
            while (event := self.stream.next()) is not None:
                now = time.time()
                lease = event["object"]
                name = lease["metadata"].get("name", "")
                if event["type"] == "MODIFIED" and name.startswith(self.prefix):
                    self.took.setdefault(name, []).append((now - wall_time(lease["spec"]["renewTime"])) * 1000)
        except (OSError, ValueError, AttributeError, AssertionError):  # a connection that was shut down
            if not self.closed:
                raise

    def close(self):
        self.closed = True
        self.stream.connection.sock.shutdown(2)
        self.join()
        return self.took


def measure(bed):
    values = {}
    for subject in bed.has(OURS, CLIENTGO, PYTHON):
        prefix = bed.name("renewal")
        watcher = Watcher(bed, prefix)
        leaders = [Candidate(bed, subject, f"{prefix}-{i}", "leader") for i in range(SIDE_BY_SIDE)]
        for leader in leaders:
            leader.wait("started_leading")
        time.sleep(WARM_UP * RETRY_S + bed.sizes.cost_s)
        took = watcher.close()
        for leader in leaders:
            leader.end()
        values[subject] = [ms for one in took.values() for ms in one[WARM_UP:]]
    yield Figure("renewal", "from renewTime to the renewal's event on a watch", "ms", values, bed.limit_ms("event"))
