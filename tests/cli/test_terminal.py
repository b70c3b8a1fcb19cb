"""k8sleader run at a terminal: the command has it while it runs."""

import fcntl
import os
import pty
import subprocess
import termios

import support


class Terminal(support.TestCase):
    def at_terminal(self, *command):
        """The program with a new terminal as its controlling one, in the foreground; and that terminal's other end."""
        try:
            ours, theirs = pty.openpty()
        except OSError as error:
            self.skipTest(f"there are no terminals to be had here: {error}")
        attributes = termios.tcgetattr(theirs)
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(theirs, termios.TCSANOW, attributes)

        def prepare():
            support.die_with_parent()
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.addCleanup(os.close, ours)
        program = self.keep(TerminalProgram(
            prepare, theirs, "run", "--kubeconfig", self.server.kubeconfig, "--namespace", "default", "--name", self.lock,
            "--output", "json", *support.SHORT, "--", *command))
        os.close(theirs)
        return program, ours

    def test_command_reads_the_terminal(self):
        a, terminal = self.at_terminal("sh", "-c", "read line; echo got $line; exit 4")
        os.write(terminal, b"hello\n")
        self.assertEqual(a.finish(), 4)
        self.assertEqual(a.out.lines, ["got hello"])

    def test_interrupt_goes_to_the_command(self):
        a, terminal = self.at_terminal("sh", "-c", "trap 'echo interrupted; exit 5' INT; echo ready; "
                                                   "while :; do sleep 0.05; done")
        a.out.wait(lambda line: line == "ready")
        os.write(terminal, b"\x03")
        self.assertEqual(a.finish(), 5)
        self.assertEqual(a.out.lines, ["ready", "interrupted"])

    def test_suspending_is_undone(self):
        a, terminal = self.at_terminal("sh", "-c", "echo ready; read line; echo got $line; exit 6")
        a.out.wait(lambda line: line == "ready")
        os.write(terminal, b"\x1a")
        a.err.wait(lambda line: "suspended" in line)
        os.write(terminal, b"on\n")
        self.assertEqual(a.finish(), 6)

    def test_interrupt_of_a_standby(self):
        holder = self.elect("holder")
        holder.event("started_leading")
        a, terminal = self.at_terminal("sh", "-c", "echo started")
        a.event("new_leader", a.err, leader="holder")
        os.write(terminal, b"\x03")
        self.assertEqual(a.finish(), 0)

    def test_terminal_is_taken_back_after_a_loss(self):
        a, terminal = self.at_terminal("sh", "-c", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done")
        a.out.wait(lambda line: line == "ready")
        b = self.elect("b")
        b.event("new_leader", leader=self.server.lease(self.lock)["spec"]["holderIdentity"])
        self.server.fault(verb="update", holder=self.server.lease(self.lock)["spec"]["holderIdentity"], action="status",
                          status=403)
        b.event("started_leading")
        a.event("new_leader", a.err, leader="b")
        os.write(terminal, b"\x03")
        self.assertEqual(a.finish(), 0)


class TerminalProgram(support.Program):
    def __init__(self, prepare, terminal, *arguments):
        self.process = subprocess.Popen([support.PROGRAM, *arguments], stdin=terminal, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=support.environment(), preexec_fn=prepare)
        self.out = support.Stream(self.process.stdout)
        self.err = support.Stream(self.process.stderr)


if __name__ == "__main__":
    support.main()
