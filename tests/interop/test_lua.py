"""The Lua binding among client-go and the program `k8sleader`, on one lease: with Lua 5.4 and LuaJIT."""

import fleet
import peers
from fleet import LEASE, LONG, LONG_POLLING, RELEASED, stamp


class Lua(fleet.TestCase):
    needs = (peers.clientgo, peers.lua)

    def test_handed_round(self):
        """Each hands over to the next one by its release."""
        stand = {"client-go": lambda name: self.clientgo(name, times=LONG_POLLING), "ours": lambda name: self.ours(name, times=LONG),
                 "lua5.4": lambda name: self.lua(name, times=LONG), "luajit": lambda name: self.lua(name, times=LONG, version="jit")}
        kinds = ["client-go", "lua5.4", "ours", "luajit", "client-go", "luajit", "lua5.4", "client-go", "lua5.4"]
        taken = []
        leader = stand[kinds[0]]("0")
        leader.leads()
        for number, kind in enumerate(kinds[1:], 1):
            standby = stand[kind](str(number))
            standby.follows(leader.identity)
            self.assertEqual(standby.said("started_leading"), [])
            seconds, released = self.hand_over(leader, standby)
            if released:
                taken.append(seconds)
            leader = standby
        leader.end()
        self.await_version(lambda v: v.holder == "" and v.transitions == len(kinds) - 1)
        self.figure("handed on", taken)
        self.assertLess(max(taken), RELEASED)
        tokens = [c.said("started_leading")[0]["token"] for c in self.candidates if c.kind == "lua"]
        self.assertEqual(tokens, sorted(set(tokens)))
        # What a token is: the version of the write that took the lease.
        versions = {int(v.body["metadata"]["resourceVersion"]): v for v in self.versions()}
        for candidate in self.candidates:
            if candidate.kind == "lua":
                found = versions[candidate.said("started_leading")[0]["token"]]
                self.assertEqual((found.holder, found.acquired), (candidate.identity, found.renewed))
                self.assertEqual(candidate.said("stopped_leading")[0]["reason"], "stop")

    def test_killed_both_ways(self):
        """Nobody releases, so that the lease has to run out."""
        for number, (first, second) in enumerate((("lua", "clientgo"), ("clientgo", "lua"), ("lua", "ours"), ("ours", "lua"))):
            with self.subTest(f"{first}, then {second}"):
                name = f"{self.lock}-{number}"
                leader = getattr(self, first)("first-" + str(number), name=name)
                leader.leads()
                standby = getattr(self, second)("second-" + str(number), name=name)
                standby.follows(leader.identity)
                leader.kill_now()
                standby.leads()
                taken, index = self.await_version(lambda v, s=standby: v.holder == s.identity, name=name)
                early = 1.0 if second == "clientgo" else 0.0  # it compares whole seconds
                self.assertGreaterEqual(stamp(taken.acquired) - stamp(self.versions(name)[index - 1].renewed), LEASE - early)

    def test_lost(self):
        """A foreign hand gives the lease away: said at once, and it stands again."""
        leader = self.lua("l")
        leader.leads()
        self.cluster.patch(fleet.LEASES, self.lock, {"spec": {"holderIdentity": "thief"}})
        stopped, _ = leader.wait_event("stopped_leading")
        self.assertEqual(stopped["reason"], "lost_holder")
        leader.wait_event("new_leader", leader="thief")
        first = leader.said("started_leading")[0]["token"]
        index = leader.events().index(stopped)
        again, _ = leader.wait_event("started_leading", index)
        self.assertGreater(again["token"], first)
        leader.end()


if __name__ == "__main__":
    fleet.main()
