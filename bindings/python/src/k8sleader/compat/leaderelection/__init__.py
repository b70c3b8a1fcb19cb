# SPDX-License-Identifier: Apache-2.0
"""In place of ``kubernetes.leaderelection``: the same classes and arguments, with this library's election.

    from k8sleader.compat.leaderelection import leaderelection   # was: from kubernetes.leaderelection import leaderelection

    leaderelection.LeaderElection(config).run()

``config`` is the official client's ``electionconfig.Config``, its lock one of their ``LeaseLock`` and ``ConfigMapLock``, of
which the name, the namespace, the identity and the API client's configuration are used; the election itself is the C
library's. A lock object of another class has only ``get``, ``create`` and ``update``: it is led by the official client's
rules, which know no watch, no release and no fencing token.

Since 1.0.
"""

from __future__ import annotations

from .leaderelection import LeaderElection

__all__ = ["LeaderElection"]
