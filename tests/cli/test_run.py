"""k8sleader run: the command's life while nothing is lost."""

import os
import signal
import unittest

import support

# A command that says what it gets; the loop is short, so that the shell comes to its traps.
TRAPS = "for s in HUP QUIT USR1 USR2 ALRM WINCH; do trap \"echo got $s\" $s; done; "
LOOP = "echo ready; while :; do sleep 0.05; done"


class Run(support.TestCase):
    def test_exit_code_and_release(self):
        a = self.run_shell("a", "exit 7")
        self.assertEqual(a.finish(), 7)
        self.assertEqual(self.server.lease(self.lock)["spec"]["holderIdentity"], "")
        a.event("stopped_leading", a.err, reason="stop")

    def test_exit_code_by_signal(self):
        self.assertEqual(self.run_shell("a", "kill -KILL $$").finish(), 128 + 9)

    def test_environment(self):
        a = self.run_shell("a", "echo $K8SLEADER_TOKEN $K8SLEADER_IDENTITY $K8SLEADER_LOCK $OTHER",
                           env={"K8SLEADER_TOKEN": "stale", "OTHER": "kept"})
        self.assertEqual(a.finish(), 0)
        token = a.event("started_leading", a.err)[0]["token"]
        self.assertEqual(a.out.lines, [f"{token} a default/{self.lock} kept"])

    def test_standby_starts_nothing(self):
        holder = self.elect("holder")
        holder.event("started_leading")
        a = self.run_shell("a", "echo started")
        a.event("new_leader", a.err, leader="holder")
        a.signal(signal.SIGTERM)
        self.assertEqual(a.finish(), 0)
        self.assertEqual(a.out.lines, [])

    def test_standby_ends_by_hup(self):
        holder = self.elect("holder")
        holder.event("started_leading")
        a = self.run_shell("a", "echo started")
        a.event("new_leader", a.err, leader="holder")
        a.signal(signal.SIGHUP)
        self.assertEqual(a.finish(), 0)

    def test_command_ends_before_the_next_starts(self):
        # The command takes its time to end; each writes the time on the one clock they share.
        script = "date +'%s%N begin'; trap 'sleep 0.5; date +\"%s%N end\"; exit 4' TERM; " + LOOP
        a = self.run_shell("a", script)
        a.out.wait(lambda line: line == "ready")
        b = self.run_shell("b", script)
        b.event("new_leader", b.err, leader="a")
        a.signal(signal.SIGTERM)
        b.out.wait(lambda line: line == "ready")
        self.assertEqual(a.finish(), 4)
        ended = int(a.out.lines[-1].split()[0])
        self.assertTrue(a.out.lines[-1].endswith(" end"), a.out.lines)
        began = int(b.out.lines[0].split()[0])
        self.assertGreater(began, ended)
        self.assertLess(began - ended, 1_500_000_000, "by a release, not by expiry")

    def test_lock_is_held_and_renewed_during_the_drain(self):
        a = self.run_shell("a", "trap 'echo draining' TERM; trap 'exit 0' USR1; " + LOOP)
        a.out.wait(lambda line: line == "ready")
        a.signal(signal.SIGTERM)
        a.out.wait(lambda line: line == "draining")
        before = self.server.lease(self.lock)["spec"]
        number = self.server.fault(verb="update", action="delay", delay_ms=1)  # its hits count the renewals from here
        self.server.wait_hits(number, 2)
        after = self.server.lease(self.lock)["spec"]
        self.assertEqual((before["holderIdentity"], after["holderIdentity"]), ("a", "a"))
        self.assertNotEqual(before["renewTime"], after["renewTime"])
        a.signal(signal.SIGUSR1)
        self.assertEqual(a.finish(), 0)
        self.assertEqual(self.server.lease(self.lock)["spec"]["holderIdentity"], "")

    def test_signals_are_forwarded(self):
        a = self.run_shell("a", TRAPS + "trap 'echo got TERM; exit 3' TERM; " + LOOP)
        a.out.wait(lambda line: line == "ready")
        for name in "HUP", "QUIT", "USR1", "USR2", "ALRM", "WINCH":
            a.signal(getattr(signal, "SIG" + name))
            a.out.wait(lambda line, name=name: line == "got " + name)
        a.signal(signal.SIGTERM)
        self.assertEqual(a.finish(), 3)
        self.assertEqual(a.out.lines.count("got TERM"), 1)

    def test_signals_reach_the_whole_group(self):
        a = self.run_shell("a", "trap 'wait; echo outer; exit 5' TERM; "
                                "sh -c 'trap \"echo inner; exit\" TERM; echo ready; while :; do sleep 0.05; done' & "
                                "wait")
        a.out.wait(lambda line: line == "ready")
        a.signal(signal.SIGTERM)
        self.assertEqual(a.finish(), 5)
        self.assertEqual(a.out.lines[1:], ["inner", "outer"])

    def test_second_sigterm_kills(self):
        a = self.run_shell("a", "trap 'echo no' TERM; " + LOOP)
        a.out.wait(lambda line: line == "ready")
        a.signal(signal.SIGTERM)
        a.out.wait(lambda line: line == "no")
        a.signal(signal.SIGTERM)
        self.assertEqual(a.finish(), 128 + signal.SIGKILL)
        self.assertEqual(self.server.lease(self.lock)["spec"]["holderIdentity"], "", "released, as it is dead")

    def pids(self, program, count):
        program.out.wait(lambda line: line == "ready")
        pids = [int(line.split()[1]) for line in program.out.lines if line.startswith("pid ")]
        self.assertEqual(len(pids), count)
        return pids

    def test_nothing_is_left_behind_by_a_stop(self):
        # One in the group that ignores SIGTERM, one in another session, one whose parent has ended already.
        a = self.run_shell("a", "sh -c 'trap \"\" TERM; echo pid $$; exec sleep 1000' & "
                                "setsid sh -c 'trap \"\" TERM; echo pid $$; exec sleep 1000' & "
                                "sh -c 'setsid sh -c \"echo pid \\$\\$; exec sleep 1000\" &' ; "
                                "sleep 0.3; echo ready; wait")
        pids = self.pids(a, 3)
        a.signal(signal.SIGTERM)
        self.assertEqual(a.finish(), 128 + signal.SIGTERM)
        self.assertEqual([pid for pid in pids if not support.is_gone(pid)], [])
        self.assertEqual(self.server.lease(self.lock)["spec"]["holderIdentity"], "")

    def test_nothing_is_left_behind_by_an_end(self):
        a = self.run_shell("a", "sleep 1000 & echo pid $!; setsid sleep 1000 & echo pid $!; echo ready; exit 6")
        pids = self.pids(a, 2)
        self.assertEqual(a.finish(), 6)
        self.assertEqual([pid for pid in pids if not support.is_gone(pid)], [])
        self.assertEqual(self.server.lease(self.lock)["spec"]["holderIdentity"], "")

    def test_children_from_before_are_left_alone(self):
        # A shell that starts something, and then becomes k8sleader.
        shell = f"sleep 1000 & echo pid $!; echo ready; exec {support.PROGRAM} \"$@\""
        a = self.keep(support.Program("-c", shell, "sh", "run", "--kubeconfig", self.server.kubeconfig, "--namespace",
                                      "default", "--name", self.lock, "--", "sh", "-c", "exit 8", executable="/bin/sh"))
        pid, = self.pids(a, 1)
        self.assertEqual(a.wait(), 8)
        self.assertFalse(support.is_gone(pid))
        os.kill(pid, signal.SIGKILL)
        a.out.wait_end()

    def test_killed_program_takes_the_command_along(self):
        a = self.run_command("a", "sleep", "1000")
        a.event("started_leading", a.err)
        a.signal(signal.SIGKILL)
        self.assertEqual(a.finish(), -signal.SIGKILL)  # its output ends when the command has ended

    def test_stopped_command_is_ended(self):
        a = self.run_shell("a", "echo ready; kill -STOP $$; echo not reached")
        a.out.wait(lambda line: line == "ready")
        a.signal(signal.SIGTERM)
        self.assertEqual(a.finish(), 128 + signal.SIGTERM)
        self.assertEqual(a.out.lines, ["ready"])

    def test_unread_stderr_does_not_hold_up(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.set_blocking(writer, False)
        try:
            while True:
                os.write(writer, b"x" * 65536)
        except BlockingIOError:
            os.set_blocking(writer, True)
        read, write = os.pipe()
        pid = os.posix_spawn("/usr/bin/env", ["env", support.PROGRAM, "run", "--kubeconfig", self.server.kubeconfig,
                                              "--namespace", "default", "--name", self.lock, "--log-level", "debug",
                                              "--", "sh", "-c", "echo ready; exit 9"], support.environment(),
                             file_actions=[(os.POSIX_SPAWN_DUP2, writer, 2), (os.POSIX_SPAWN_DUP2, write, 1)])
        os.close(writer)
        os.close(write)
        with open(read, encoding="utf-8") as output:
            self.assertEqual(output.read(), "ready\n")
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 9)


if __name__ == "__main__":
    support.main()
