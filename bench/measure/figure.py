"""A figure: the same thing measured of several subjects in one run, and what it is held against."""

import dataclasses
import math
import statistics

OURS = "k8sleader"


def summary(values):
    values = sorted(values)
    return {"n": len(values), "median": statistics.median(values),
            "p99": values[math.ceil(0.99 * len(values)) - 1], "worst": values[-1]}


@dataclasses.dataclass
class Figure:
    row: str
    what: str
    unit: str
    values: dict  # subject: every sample
    limit: list = dataclasses.field(default_factory=list)  # samples of what can't be done without, in the same unit
    goal: str = ""
    note: str = ""
    series: str = ""  # figures of one series are points of one curve
    at: float = 0.0  # where on the curve

    def __post_init__(self):
        self.values = {who: list(samples) for who, samples in self.values.items() if samples}

    def ratio(self, who, to):
        """Of medians; None where there is nothing to divide by."""
        over, under = self.values.get(who), self.limit if to == "limit" else self.values.get(to)
        if not over or not under or statistics.median(under) == 0:
            return None
        return statistics.median(over) / statistics.median(under)

    def as_json(self):
        known = {k: v for k, v in dataclasses.asdict(self).items() if v not in ("", [], 0.0)}
        known["summary"] = {who: summary(samples) for who, samples in self.values.items()}
        if self.limit:
            known["summary"]["limit"] = summary(self.limit)
        return known

    def lines(self):
        """The figure as lines of the table."""
        def number(value):
            return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.2f}"

        def times(ratio):
            return "" if ratio is None else f"{ratio:.2f}x"

        yield f"{self.what} [{self.unit}]" + (f"   goal: {self.goal}" if self.goal else "")
        rows = [("limit", self.limit)] if self.limit else []
        for who, samples in rows + list(self.values.items()):
            s = summary(samples)
            ratios = ("", "") if who == "limit" else (times(self.ratio(who, "limit")), times(self.ratio(who, OURS)))
            yield (f"  {who:22}{s['n']:>5}{number(s['median']):>11}{number(s['p99']):>11}{number(s['worst']):>11}"
                   f"{ratios[0]:>11}{ratios[1] if who != OURS else '':>11}")
        if self.note:
            yield f"  ({self.note})"


HEADER = f"  {'':22}{'n':>5}{'median':>11}{'p99':>11}{'worst':>11}{'to limit':>11}{'to ours':>11}"
