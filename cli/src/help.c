#include "cli.h"

#include <stdio.h>

static const char program[] =
    "k8sleader: leader election for Kubernetes programs in any language\n"
    "\n"
    "  k8sleader elect [options]                         stand as a candidate and print what happens\n"
    "  k8sleader run [options] -- COMMAND [ARG...]       run a command only while leading\n"
    "  k8sleader become NAME [options] -- COMMAND [ARG...]  wait until this Pod leads for life, then exec "
    "the "
    "command\n"
    "  k8sleader status [options] [NAME...]              who leads\n"
    "  k8sleader dev-server [options]                    a Kubernetes API in memory, for development and "
    "tests\n"
    "\n"
    "  k8sleader SUBCOMMAND --help                       its options\n"
    "  k8sleader --version\n"
    "\n"
    "Exit codes: 0 done, 1 failure, 2 wrong usage or a configuration that can't work, 3 leadership lost "
    "(--no-rejoin);\n"
    "`run` has those of the command, 127 when there is no such command, 126 when it can't be executed, and "
    "128 + N when\n"
    "signal N ended it.\n";

static const char elect[] =
    "k8sleader elect [options]: stand as a candidate and print what happens\n"
    "\n"
    "SIGTERM, SIGINT and SIGHUP end it: a lock that is held is released, so that the next leader starts at "
    "once. So does\n"
    "a standard output that nobody reads any more. A second signal ends it at once, without a release.\n"
    "\n"
    "  --count N                 stand for N locks, NAME-0 to NAME-(N-1), in one process\n";

static const char run[] = "k8sleader run [options] -- COMMAND [ARG...]: run a command only while leading\n"
                          "\n"
                          "The command starts when a term of leadership begins, in a process group of its "
                          "own, with K8SLEADER_TOKEN (the fencing\n"
                          "token: it grows with every term; let what the command writes to refuse smaller "
                          "ones), K8SLEADER_IDENTITY and\n"
                          "K8SLEADER_LOCK (NAMESPACE/NAME) in its environment. Events are told on stderr.\n"
                          "\n"
                          "When the lock is lost, the command gets SIGTERM, and SIGKILL before the lease "
                          "runs out; then k8sleader stands again.\n"
                          "When the command ends by itself, the lock is released at once and k8sleader ends "
                          "with the command's exit code.\n"
                          "SIGTERM or SIGINT: the command gets SIGTERM, and once it has ended the lock is "
                          "released. A second one: SIGKILL. When\n"
                          "the drain-timeout passes first, the lock is not released and the command is "
                          "killed before the lease runs out.\n"
                          "HUP, QUIT, USR1, USR2, ALRM and WINCH are passed on to the command; without one, "
                          "HUP and QUIT end k8sleader.\n"
                          "The end of the command is that of all its processes: what it leaves behind is "
                          "killed, also in other groups and\n"
                          "sessions.\n"
                          "\n"
                          "What it can't do: when k8sleader itself is killed by SIGKILL, the kernel kills "
                          "the command, but not the command's own\n"
                          "children, nor a command that changes its user (setuid). When k8sleader is frozen "
                          "(SIGSTOP, a paused machine) past its\n"
                          "lease, the command may go on beside another leader until k8sleader continues and "
                          "kills it. The token is for these.\n"
                          "\n";

static const char become[] =
    "k8sleader become NAME [options] -- COMMAND [ARG...]: wait until this Pod leads for life, then become "
    "the "
    "command\n"
    "\n"
    "The lock is the ConfigMap NAME, owned by the leader's Pod; nobody else leads until that Pod is gone and "
    "the "
    "garbage\n"
    "collector has removed the ConfigMap. Who this Pod is comes from POD_NAME, POD_UID and POD_NAMESPACE "
    "(the "
    "downward API).\n"
    "The command replaces k8sleader in the same process, with K8SLEADER_TOKEN (the fencing token), "
    "K8SLEADER_IDENTITY and\n"
    "K8SLEADER_LOCK in its environment. A later loss (the lock re-owned by hand) is not seen: `run --mode "
    "life` "
    "sees it.\n"
    "Outside a cluster (no KUBERNETES_SERVICE_HOST, no POD_NAME, no namespace) the election is skipped. "
    "Events are "
    "told on\n"
    "stderr. An error that waiting does not mend ends it.\n"
    "\n"
    "  --retry-period 2s         the longest time between attempts that fail\n"
    "  --label KEY=VALUE[,...]   labels for the lock object; may be given again\n";

static const char status[] =
    "k8sleader status [options] [NAME...]: who leads\n"
    "\n"
    "Asks once, for the named locks or all of the namespace. STATE is held, free, none (no such lock), or "
    "expired?: not\n"
    "renewed for longer than its duration, by the holder's clock against this one, and clocks differ. AGE is "
    "the time since\n"
    "the lock was acquired. Exit code 1 when a NAME is not there, or when the server does not answer.\n"
    "--output json: one object a line: name, namespace, state, holder, acquire_time, renew_time (seconds "
    "since 1970),\n"
    "lease_duration_seconds, transitions.\n"
    "\n";

static const char devserver[] = "k8sleader dev-server [options]: a Kubernetes API in memory, for development "
                                "and tests; it is no Kubernetes\n"
                                "\n"
                                "Prints how to use it, and runs until SIGTERM, SIGINT or SIGHUP.\n"
                                "\n"
                                "  --listen ADDR:PORT        default 127.0.0.1:0; port 0 is a free one\n"
                                "  --kubeconfig-out FILE     write a kubeconfig here and leave it; without: "
                                "in a new folder that is removed at the end\n"
                                "  --plain-http              without TLS\n"
                                "  --token TOKEN             the bearer token to let in; default: a random "
                                "one. Other users of this machine see it\n"
                                "  --request-log FILE        append each request as one JSON object a line\n"
                                "\n"
                                "Exit codes: 0 ended by a signal, 1 failure, 2 wrong usage.\n";

static const char candidate_options[] =
    "  --name NAME               the lock's name; needed\n"
    "  --identity TEXT           who we are, unique among the candidates; default: HOSTNAME_UUID\n"
    "  --lease-duration 15s      how long a lock that is not renewed stays taken\n"
    "  --renew-deadline 10s      how long a leader goes on without a renewal\n"
    "  --retry-period 2s         how often a leader renews\n"
    "  --drain-timeout 30s       how long the work may take to end before the lock is given up without a "
    "release\n"
    "  --no-rejoin               end when leadership is lost (exit code 3), do not stand again\n"
    "  --resume                  take a lock found under our own identity at once; only if the earlier "
    "process is dead\n"
    "  --label KEY=VALUE[,...]   labels for the lock object; may be given again\n";

static const char life_options[] =
    "  --delete-leader-pod       (life) delete a leader's Pod that has ended (Failed, Evicted) together with "
    "its "
    "lock\n"
    "  --take-from-lost-node     (life) take over from a Pod whose node is not Ready: two may lead then\n";

static const char mode_options[] =
    "  --mode lease|life         leader-with-lease (default), or leader-for-life: by POD_NAME, POD_UID and "
    "POD_NAMESPACE\n"
    "  --lock-resource leases    (lease) what holds the record: leases (default), or configmaps, as older "
    "programs "
    "have it\n";

static const char client_options[] =
    "  --namespace NAME          the locks' namespace; default: POD_NAMESPACE, then the Pod's, then the "
    "--context's\n"
    "  --kubeconfig FILE         default: inside a Pod its service account, else KUBECONFIG, else "
    "~/.kube/config\n"
    "  --context NAME            the kubeconfig's context; default: its current one\n"
    "  --output human|json       default human\n"
    "  --log-level LEVEL         none (default), error, warning, info, debug: the library's log, on stderr\n"
    "\n"
    "Each also from the environment as K8SLEADER_NAME, K8SLEADER_LEASE_DURATION and so on "
    "(K8SLEADER_NO_REJOIN=true); the\n"
    "option wins. Durations: 15s, 1m30s, 500ms.\n";

static const char json[] =
    "\n"
    "--output json: one object a line, with time (seconds since 1970), event, lock, identity, and\n"
    "  started_leading     token; skipped: true where there was no election (--mode life outside a cluster)\n"
    "  stopped_leading     reason (stop, lost_deadline, lost_holder, lost_lock, lost_duplicate, "
    "lost_coordinated,\n"
    "                      lost_pod), token\n"
    "  lost_during_drain   reason (those, drain_timeout), token\n"
    "  new_leader          leader\n"
    "  error               code, message; the election goes on\n"
    "token is an integer. Ignore events and fields you do not know.\n";

static const char elect_codes[] = "\nExit codes: 0 ended by a signal, 1 failure, 2 wrong usage or a "
                                  "configuration that can't work, 3 leadership lost\n"
                                  "(--no-rejoin), 128 + N by a second signal N.\n";

static const char run_codes[] = "\nExit codes: the command's, 128 + N when signal N ended it; 0 when stopped "
                                "without one running; 1 failure, 2 wrong\n"
                                "usage or a configuration that can't work, 3 leadership lost (--no-rejoin), "
                                "126 the command can't be executed, 127 there\n"
                                "is no such command (looked for before standing as a candidate).\n";

static const char become_codes[] =
    "\nExit codes: the command's; 1 failure, 2 wrong usage or a configuration that can't work, 126 the "
    "command "
    "can't be\n"
    "executed, 127 there is no such command, 128 + N when signal N ended the wait.\n";

static const char status_codes[] = "\nExit codes: 0 all were found, 1 one is not there or failure, 2 wrong "
                                   "usage or a configuration that can't work.\n";

void cli_help(int subcommand)
{
    switch (subcommand) {
    case CLI_ELECT:
        (void)printf("%s%s%s%s%s%s%s", elect, candidate_options, life_options, mode_options, client_options,
                     json, elect_codes);
        break;
    case CLI_RUN:
        (void)printf("%s%s%s%s%s%s%s", run, candidate_options, life_options, mode_options, client_options,
                     json, run_codes);
        break;
    case CLI_BECOME:
        (void)printf("%s%s%s%s", become, life_options, client_options, become_codes);
        break;
    case CLI_STATUS:
        (void)printf("%s%s%s%s", status, mode_options, client_options, status_codes);
        break;
    case CLI_DEVSERVER:
        (void)fputs(devserver, stdout);
        break;
    default:
        (void)fputs(program, stdout);
        break;
    }
}
