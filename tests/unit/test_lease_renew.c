/* Leading: renewals, their deadline, and writes of which nobody knows whether they were applied. */
#include "lease_script.h"

/* Leads since 0 s by version 11, renews at 2 s. */
#define LEADS                                                                                                \
    "0 start => -\n0 opened fresh => read\n0 ok 10 - 100 tr=4 => update/acquire\n"                           \
    "0 ok 11 w1 => started:11 leader:me until=10000 wake=2000\n"
#define RENEWS_TAIL "wake tick => update/renew base=11\n2010 ok 12 w2 => - wake=4000 slack=31\n"
#define RENEWS      LEADS "wake tick => update/renew base=11\n"

/* The same, where each request waits for a slot. */
#define LEADS_QUEUED                                                                                         \
    "config queue\n0 start => -\n0 opened fresh => -\n0 send => read\n0 ok 10 - 100 => -\n"                  \
    "0 send => update/acquire\n0 ok 11 w1 => started:11 leader:me\n"

static const struct script_row rows[] = {
    {"A renewal keeps acquireTime and transitions, and changes renewTime",
     RENEWS "2010 ok 12 w2 => - until=12000 grace=15500 wake=4000\n"
            "4000 tick => update/renew base=12 tr=5 acq=w1 d=15 holder=me\n"},
    {"A renewal in its turn may come 1/64 of the retry period late",
     LEADS "1 seen 11 w1 => - wake=2000 slack=31\n" RENEWS_TAIL "4031 tick => update/renew base=12\n"},
    {"A renewal yields to releases and acquisitions while three fifths of its time are left",
     LEADS_QUEUED "1999 tick => - urgency=none wake=2000\n2000 tick => - urgency=early wake=4000\n"
                  "4000 tick => - urgency=renew\n4001 send => update/renew base=11\n"},
    {"Not one that is tried again",
     LEADS_QUEUED "2000 tick => - urgency=early\n2000 send => update/renew\n"
                  "2010 notsent => error:notsent wake=2035..2060\nwake tick => - urgency=renew\n"},
    {"One that is tried again may not",
     RENEWS "2010 notsent => error:notsent wake=2035..2060 slack=0\nwake tick => update/renew\n"},
    {"A renewal counts from when it was sent, not from its answer",
     RENEWS "2600 ok 12 w2 => - until=12000 wake=4000\n"},
    {"A renewal answered with the version that was sent counts for nothing",
     RENEWS "2010 ok 11 w2 => - until=10000 wake=2035..2060\nwake tick => read\n"
            "2100 ok 11 w1 => update/renew until=10000\n"},
    {"Nor does one answered with an older version", RENEWS "2010 ok 9 w2 => - until=10000 wake=2035..2060\n"},
    {"Our own write on the watch before its answer: counted then, and once",
     RENEWS "2005 seen 12 w2 => - until=12000\n2010 ok 12 w2 => - until=12000 wake=4000\n"},
    {"Our own write on the watch after its answer says nothing new",
     RENEWS "2010 ok 12 w2 => -\n2020 seen 12 w2 => - until=12000 wake=4000\n"},
    {"An older write of ours on a slow watch takes nothing back",
     RENEWS "2010 ok 12 w2 => -\n2020 seen 11 w1 => - until=12000 phase=leading\n"},
    {"Our own write's answer after a newer foreign one: LOST stays LOST",
     RENEWS "2005 seen 13 c 7 => stopped:holder leader:c\n2010 ok 12 w2 => - phase=lost wake=never\n"},
    {"It stops leading at sent + renewDeadline; until grace is over its work must end",
     LEADS "9999 tick => update/renew phase=leading\n"
           "10000 tick => stopped:deadline phase=lost wake=never grace=13500\n"},
    {"The deadline passes while the answer that would have saved it is at hand: lost",
     RENEWS "10000 ok 12 w2 => stopped:deadline note:tight\n"},
    {"And while the watch shows the renewal", RENEWS "10000 seen 12 w2 => stopped:deadline\n"},
    {"A renewal is not sent after the deadline",
     LEADS_QUEUED "2000 tick => -\n10000 send => -\n10000 tick => stopped:deadline\n"},
    {"A term is not resurrected after its deadline by a late answer",
     RENEWS "10000 tick => stopped:deadline\n10010 ok 12 w2 => note:tight phase=lost\n"
            "10020 drained => update/acquire tr=6 acq=new base=12\n10030 ok 13 w3 => started:13 leader:me "
            "until=20020\n"},
    {"Nor by the watch, when it stands again",
     RENEWS "10000 tick => stopped:deadline\n10005 drained => -\n10010 seen 12 w2 => -\n"
            "10020 timeout => error:timeout wake=10045..10070\nwake tick => read\n"
            "10100 ok 12 w2 => update/acquire tr=6 base=12\n"},
    {"An attempt times out early enough for at least two more",
     RENEWS "4666 timeout => error:timeout read timeout=1778\n"
            "6443 timeout => error:timeout read timeout=1185\n7628 timeout => read timeout=790\n"},
    {"No attempt gets less time than 4 x the round trip, while there is as much",
     "0 start => -\n0 opened fresh => read\n125 ok 10 - 100 => update/acquire\n"
     "250 ok 11 w1 => started:11 leader:me until=10125\nwake tick => update/renew timeout=2666\n"
     "2250 ok 12 w2 => - until=12125\n"
     "11125 tick => update/renew timeout=500\n"},
    {"Durations that can't fit the round trip are warned of, once",
     RENEWS "6000 ok 12 w2 => note:tight update/renew\n9000 ok 13 w3 => update/renew until=16000\n"},
    {"After a broken connection: a read has to settle the write",
     RENEWS "2010 broken => error:broken wake=2035..2060\nwake tick => read\n"},
    {"And after an answer of 5xx", RENEWS "2010 error500 => error:error500\nwake tick => read\n"},
    {"Not when there was no connection: it was not sent",
     RENEWS "2010 notsent => error:notsent wake=2035..2060\nwake tick => update/renew\n"},
    {"An ambiguous write found applied by the read counts from its own sending, never from the read",
     RENEWS "4666 timeout => error:timeout read\n4700 ok 12 w2 => update/renew until=12000 base=12\n"},
    {"An ambiguous write not found is written again, upon the same version",
     RENEWS "4666 timeout => error:timeout read\n4700 ok 11 w1 => update/renew until=10000 base=11\n"
            "4710 ok 12 w3 => - until=14700\n"},
    {"An ambiguous write applied after the settling read: the next one meets 409, a read finds it",
     RENEWS "4666 timeout => error:timeout read\n4700 ok 11 w1 => update/renew\n4710 conflict => - "
            "wake=4760..4810\nwake tick => read\n"
            "4820 ok 12 w2 => update/renew until=12000 base=12 tr=5\n4830 ok 13 w4 => - until=14820\n"},
    {"Or the watch finds it, before its successor is answered", RENEWS
     "4666 timeout => error:timeout read\n4700 ok 11 w1 => update/renew\n4705 seen 12 w2 => - until=12000\n"
     "4710 conflict => - wake=4760..4810\nwake tick => update/renew base=12\n"},
    {"Two ambiguous writes: the one whose renewTime is found counts (the first)",
     RENEWS "4666 timeout => error:timeout read\n4700 ok 11 w1 => update/renew\n"
            "6400 timeout => read\n6410 ok 12 w2 => update/renew until=12000\n"},
    {"Two ambiguous writes: the one whose renewTime is found counts (the second)",
     RENEWS "4666 timeout => error:timeout read\n4700 ok 11 w1 => update/renew\n"
            "6400 timeout => read\n6410 ok 12 w3 => - until=14700 wake=6700\n"},
    {"A settling read that fails is tried again, before any write",
     RENEWS "4666 timeout => error:timeout read\n4700 error500 => error:error500 wake=4725..4750\nwake tick "
            "=> read\n"},
    {"429 and Retry-After are honoured", RENEWS "2010 throttled 3000 => error:throttled wake=5010\n"},
    {"but within the budget: never past half of what is left",
     RENEWS "2010 throttled 60000 => error:throttled wake=6005\nwake tick => update/renew\n"},
    {"A back-off from before the win does not eat the new term",
     "0 start => -\n0 opened fresh => read\n0 ok 10 - 100 => update/acquire\n"
     "100 broken => error:broken\nwake tick => read\n200 throttled 600000 => error:throttled wake=30200\n"
     "300 seen 11 w1 => started:11 leader:me wake=2000..5150\n"},
    {"Failures are reported once each until something of their sort succeeds",
     RENEWS "2010 notsent => error:notsent\nwake tick => update/renew\n2100 notsent => -\nwake tick => "
            "update/renew\n"
            "2400 throttled => error:throttled\nwake tick => update/renew\n3000 ok 12 w5 => -\n"
            "wake tick => update/renew\n5000 notsent => error:notsent\n"},
    {"The leader keeps a watch: a foreign holder is LOST at once",
     LEADS "500 seen 12 c 7 => stopped:holder leader:c\n"},
    {"A record blanked by a foreign hand is LOST at once", LEADS "500 seen 12 - 7 => stopped:holder\n"},
    {"A record whose renewTime we did not write is not ours",
     LEADS "500 seen 12 w1 tr=9 => note:duplicate stopped:duplicate leader:me\n"},
    {"A watch opened anew without a version is followed by a read, for deletions unseen",
     LEADS "500 opened fresh => read\n510 ok 11 w1 => - until=10000 wake=2000\n"},
    {"That read may fail as it likes: the renewal goes first when it is due", LEADS
     "1990 opened fresh => read\n2000 throttled 500 => error:throttled wake=2500\nwake tick => update/renew\n"
     "2510 ok 12 w2 => - until=12500 wake=4500\n"},
    {"A watch resumed needs none", LEADS "500 opened => - wake=2000\n"},
    {"renewTime changes with every renewal on a wall clock that stands still",
     "config wall=still\n" RENEWS
     "2010 ok 12 w2 => -\nwake tick => update/renew\n4010 ok 13 w3 => -\nwake tick => update/renew\n"
     "6010 seen 14 w2 => note:duplicate stopped:duplicate\n"},
    {"and on one that jumps back a day",
     "config wall=back\n" RENEWS
     "2010 ok 12 w2 => - until=12000\nwake tick => update/renew\n4010 ok 13 w3 => - until=14000\n"
     "wake tick => update/renew\n6000 seen 14 w3 d=9 => - until=14000\n"},
    {"The token and the term go on with renewals: the drain of an old version is not ours",
     RENEWS "2010 ok 12 w2 => -\n2020 stop => stopped:stop\n2030 drained 12 => - phase=draining\n"
            "2040 drained 11 => update/release\n"},
    {"No more than one request in flight: a foreign edit while renewing waits for the answer",
     RENEWS "2005 seen 12 w1 => -\n2010 conflict => update/renew base=12\n"},
    {"Eight lost writes: the ninth's landing is still known",
     "config retry=100\n0 start => -\n0 opened fresh => read\n0 ok 10 - 100 => update/acquire\n0 ok 11 w1 => "
     "started:11 leader:me\n"
     "100 tick => update/renew\n100 timeout => error:timeout wake=150\nwake tick => read\n150 ok 11 w1 => "
     "update/renew\n"
     "300 timeout => read\n300 ok 11 w1 => update/renew\n400 timeout => read\n400 ok 11 w1 => update/renew\n"
     "500 timeout => read\n500 ok 11 w1 => update/renew\n600 timeout => read\n600 ok 11 w1 => update/renew\n"
     "700 timeout => read\n700 ok 11 w1 => update/renew\n800 timeout => read\n800 ok 11 w1 => update/renew\n"
     "900 timeout => read\n900 ok 11 w1 => update/renew\n1000 timeout => read\n1000 ok 12 w10 => "
     "update/renew until=10900\n"},
};

int main(void)
{
    return LEASE_RUN("renew", rows);
}
