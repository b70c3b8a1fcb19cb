/* The end: stop, drain, release, in every phase and with every kind of request under way. */
#include "lease_script.h"

#define START "0 start => -\n0 opened fresh => read\n"
#define HELD  START "0 ok 10 b 100 tr=4 => leader:b wake=15000\n"
#define LEADS                                                                                                \
    START "0 ok 10 - 100 tr=4 => update/acquire\n"                                                           \
          "0 ok 11 w1 => started:11 leader:me until=10000 wake=2000\n"
#define DRAINS   LEADS "500 stop => stopped:stop phase=draining wake=2000\n"
#define RELEASES DRAINS "600 drained => update/release base=11\n"

static const struct script_row rows[] = {
    {"stop() while leading: STOPPED is delivered while the lease is still held and renewed",
     DRAINS "wake tick => update/renew base=11\n2010 ok 12 w2 => - until=12000 wake=4000 phase=draining\n"},
    {"Drained: released; holder empty, 1 s, acquireTime and renewTime now, transitions kept",
     DRAINS "600 drained => update/release base=11 holder= d=1 acq=new tr=5 phase=releasing\n610 ok 12 w2 => "
            "closed\n"},
    {"Drained with a wrong token: held on",
     DRAINS "600 drained 10 => - phase=draining\n600 drained 0 => - phase=draining\n"},
    {"Drained twice: one release", RELEASES "601 drained => -\n610 ok 12 w2 => closed\n620 drained => -\n"},
    {"Drained before any stop: nothing", LEADS "100 drained => - phase=leading\n"},
    {"stop() is idempotent", DRAINS "510 stop => - phase=draining\n600 drained => update/release\n610 stop "
                                    "=> -\n620 ok 12 w2 => closed\n630 stop => -\n"},
    {"The drain's bound passes: not released, renewals stop, it runs out",
     "config drain=1000\n" LEADS "500 stop => stopped:stop wake=1500\nwake tick => lostdrain:draintimeout "
     "closed wake=never\n1600 drained => -\n"},
    {"nor is one sent that waited for its turn",
     "config queue drain=3000\n0 start => -\n0 opened fresh => -\n0 send => read\n0 ok 10 - 100 => -\n0 send "
     "=> update/acquire\n"
     "0 ok 11 w1 => started:11 leader:me\n500 stop => stopped:stop\n2000 tick => -\n3500 send => -\n"
     "3500 tick => lostdrain:draintimeout closed\n"},
    {"Losing it while draining is an event of its own",
     DRAINS "600 seen 12 c 7 => lostdrain:holder closed\n"},
    {"Also by deadline", DRAINS "10000 tick => lostdrain:deadline closed\n"},
    {"Also when it turns coordinated",
     DRAINS "600 seen 12 w1 coord => note:coordinated lostdrain:coordinated closed\n"},
    {"Deleted while draining: created again",
     DRAINS "600 gone 12 => create/renew tr=5\n610 ok 13 w2 => - phase=draining\n"},
    {"Drained during a renewal: released upon its outcome",
     DRAINS "wake tick => update/renew\n2010 drained => -\n2020 ok 12 w2 => update/release base=12\n2030 ok "
            "13 w3 => closed\n"},
    {"Drained during a renewal that ends ambiguous: settled, then released",
     DRAINS "wake tick => update/renew\n2010 drained => -\n2500 timeout => error:timeout read\n2510 ok 12 w2 "
            "=> update/release base=12\n"
            "2520 ok 13 w3 => closed\n"},
    {"Drained during a renewal that meets another holder: nothing to release", DRAINS
     "wake tick => update/renew\n2010 drained => -\n2020 conflict => read\n2030 ok 13 c 7 => closed\n"},
    {"A release is based on the version observed: overtaken, it blanks nobody's lease",
     RELEASES "605 seen 12 c 7 => closed\n"},
    {"A release that meets 409 is read up, and ends there if another holds it",
     RELEASES "610 conflict => read\n620 ok 12 c 7 => closed\n"},
    {"A release that meets a foreign edit is written again",
     RELEASES "610 conflict => read\n620 ok 12 w1 => update/release base=12\n630 ok 13 w3 => closed\n"},
    {"An ambiguous release found applied is done",
     RELEASES "610 broken => error:broken\nwake tick => read\n700 ok 12 w2 => closed\n"},
    {"An ambiguous release not found is written again", RELEASES
     "610 timeout => error:timeout wake=650\nwake tick => read\n700 ok 11 w1 => update/release base=11\n"},
    {"An ambiguous release seen on the watch is done",
     RELEASES "605 seen 12 w2 => closed\n610 timeout => -\n"},
    {"An ambiguous release that another has taken since is done",
     RELEASES "610 timeout => error:timeout\n620 seen 13 c 7 => closed\n"},
    {"A release of a lock deleted is done", RELEASES "610 missing => closed\n"},
    {"A release that never gets through ends when the work must be dead",
     RELEASES "610 notsent => error:notsent wake=635..660\n13500 tick => closed\n"},
    {"stop as a standby: CLOSED", HELD "500 stop => closed\n"},
    {"stop before anything is known", "0 start => -\n1 stop => closed\n"},
    {"stop during a standby's read: CLOSED", START "500 stop => closed\n510 ok 10 - 100 => -\n"},
    {"stop during an acquisition that wins: released, and nobody was told",
     START "0 ok 10 - 100 => update/acquire\n100 stop => - phase=candidate wake=3433\n110 ok 11 w1 => "
           "leader:me update/release tr=1\n120 ok 12 w2 => closed\n"},
    {"The watch shows it first: the same",
     START "0 ok 10 - 100 => update/acquire\n100 stop => -\n105 seen 11 w1 => leader:me phase=releasing\n110 "
           "ok 11 w1 => update/release base=11\n"},
    {"Learnt when it has nearly run out: left to that", START
     "0 ok 10 - 100 => update/acquire\n13000 stop => -\n13500 ok 11 w1 => note:tight closed wake=never\n"},
    {"stop during an acquisition that loses: read, CLOSED",
     START "0 ok 10 - 100 => update/acquire\n100 stop => -\n110 conflict => read\n120 ok 12 c 7 => leader:c "
           "closed\n"},
    {"stop during an acquisition that surely failed: CLOSED",
     START "0 ok 10 - 100 => update/acquire\n100 stop => -\n110 throttled 60000 => error:throttled closed\n"},
    {"stop during an acquisition forbidden: CLOSED, without a second try",
     START "0 missing => create/acquire\n100 stop => -\n110 forbidden => closed\n"},
    {"stop during an acquisition that times out: found by the read, released",
     START "0 ok 10 - 100 => update/acquire\n100 stop => -\n110 timeout => error:timeout\nwake tick => "
           "read\n200 ok 11 w1 => leader:me update/release\n"},
    {"stop during an acquisition that times out: not found, CLOSED",
     START "0 ok 10 - 100 => update/acquire\n100 stop => -\n110 timeout => error:timeout\nwake tick => "
           "read\n200 ok 10 - 100 => closed\n"},
    {"A settling read that fails is tried again, for a bounded time",
     START "0 ok 10 - 100 => update/acquire\n100 stop => -\n110 timeout => error:timeout\nwake tick => read\n"
           "200 error500 => error:error500 phase=candidate\nwake tick => read\n400 notsent => "
           "error:notsent\nwake tick => read\n3434 tick => closed\n"},
    {"stop with an ambiguous acquisition unsettled: read at once",
     START "0 ok 10 - 100 => update/acquire\n110 broken => error:broken\n120 stop => -\nwake tick => "
           "read\n200 ok 11 w1 => leader:me update/release\n"},
    {"stop during the settling read",
     START "0 ok 10 - 100 => update/acquire\n110 broken => error:broken\nwake tick => read\n200 stop => -\n"
           "210 ok 11 w1 => leader:me update/release\n220 ok 12 w2 => closed\n"},
    {"stop during a renewal: drains, the renewal counts", LEADS
     "wake tick => update/renew\n2005 stop => stopped:stop\n2010 ok 12 w2 => - until=12000 phase=draining\n"},
    {"stop during a leader's read", LEADS
     "100 opened fresh => read\n105 stop => stopped:stop\n110 ok 11 w1 => - phase=draining wake=2000\n"},
    {"stop after LOST: CLOSED",
     LEADS "500 seen 12 c 7 => stopped:holder leader:c\n600 stop => closed\n700 drained => -\n"},
    {"stop at the very deadline: lost, not drained", LEADS "10000 stop => stopped:deadline closed\n"},
    {"free never releases", LEADS "500 abandon => closed wake=never\n"},
    {"not while draining either", DRAINS "600 abandon => closed wake=never\n600 drained => -\n"},
    {"except what was handed back already",
     RELEASES "605 abandon => - phase=releasing\n610 ok 12 w2 => closed\n"},
    {"free as a standby", HELD "500 abandon => closed\n"},
    {"Nothing follows CLOSED", HELD "500 stop => closed\n600 seen 11 - 7 => -\n700 opened fresh => -\n800 "
                                    "unwatchable => -\n900 gone 12 => -\n"},
    {"drained of an older term does nothing to the next", LEADS
     "500 seen 12 - 7 => stopped:holder\n600 drained => update/acquire\n610 ok 13 w2 => started:13 "
     "leader:me\n"
     "700 stop => stopped:stop\n710 drained 11 => - phase=draining\n720 drained 13 => update/release\n"},
};

int main(void)
{
    return LEASE_RUN("stop", rows);
}
