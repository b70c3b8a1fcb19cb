"""The command line."""

import argparse
import os
import re

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


def option(text):
    """OPTION=VALUE of the election: a duration."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text}: an OPTION=VALUE is expected")
    if name not in ("lease-duration", "renew-deadline", "retry-period", "drain-timeout"):
        raise argparse.ArgumentTypeError(f"{name}: there is no such option")
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", value)
    if not found:
        raise argparse.ArgumentTypeError(f"{name}: {value} is no duration such as 15s")
    return name.replace("-", "_"), float(found[1]) * UNITS[found[2]]


class Settings:
    def __init__(self, arguments):
        parser = argparse.ArgumentParser(prog="memcached-operator", allow_abbrev=False)
        parser.add_argument("--mode", default="life", metavar="life|lease",
                            help="life: the lock is this Pod's until that is gone; lease: it is renewed, and released at the end")
        parser.add_argument("--lock", default="memcached-operator-lock", metavar="NAME")
        parser.add_argument("--namespace", default=os.environ.get("POD_NAMESPACE"), metavar="NAME",
                            help="what to look after, and where the lock is; POD_NAMESPACE")
        parser.add_argument("--set", dest="options", action="append", default=[], type=option, metavar="OPTION=VALUE",
                            help="of the election, such as lease-duration=30s")
        given, others = parser.parse_known_args(arguments)
        if given.mode not in ("life", "lease") or others:
            parser.error("--mode is life or lease, and there are no other arguments")
        if not given.namespace:
            parser.error("POD_NAMESPACE is not set, and there is no --namespace")
        self.mode, self.lock, self.namespace = given.mode, given.lock, given.namespace
        self.options = dict(given.options)
