/* Other hands on the lock: lost races, foreign edits, our name used by others. */
#include "lease_script.h"

#define START "0 start => -\n0 opened fresh => read\n"
#define HELD  START "0 ok 10 b 100 tr=4 => leader:b wake=15000\n"
#define LEADS                                                                                                \
    START "0 ok 10 - 100 tr=4 => update/acquire\n"                                                           \
          "0 ok 11 w1 => started:11 leader:me until=10000 wake=2000\n"
#define RENEWS LEADS "wake tick => update/renew base=11\n"

static const struct script_row rows[] = {
    {"The losers get 409 and go back to watching",
     START "10 ok 10 - 100 => update/acquire\n20 conflict => - wake=1020..2020\n30 seen 11 c 7 => leader:c "
           "wake=15030..15040\n"},
    {"Should the watch be silent, a read tells who won, and the watch is suspect",
     START "10 ok 10 - 100 => update/acquire\n20 conflict => -\nwake tick => read\n2100 ok 11 c 7 => "
           "leader:c suspect\n"},
    {"The winner was known before the 409: nothing to wait for", START
     "10 ok 10 - 100 => update/acquire\n15 seen 11 c 7 => leader:c\n20 conflict => - wake=15015..15020\n"},
    {"The winner came and went before the 409: on to the next race",
     START "10 ok 10 - 100 => update/acquire\n15 seen 12 - 7 => -\n20 conflict => - wake=20..25\nwake tick "
           "=> update/acquire base=12\n"},
    {"After a 409 by a foreign edit that left the record ours: re-read and renew at once",
     RENEWS "2010 conflict => read\n2020 ok 12 w1 => update/renew base=12 until=10000\n2030 ok 13 w3 => - "
            "until=12020\n"},
    {"A foreign edit seen on the watch needs no read",
     LEADS "500 seen 12 w1 => - wake=2000\nwake tick => update/renew base=12\n"},
    {"A 409 by a foreign holder: the read says LOST",
     RENEWS "2010 conflict => read\n2020 ok 12 c 7 => stopped:holder leader:c\n"},
    {"An editor who is always first can't make us race it at full speed",
     RENEWS "2010 conflict => read\n2011 ok 12 w1 => update/renew\n2012 conflict => - wake=2062..2112\nwake "
            "tick => read\n"},
    {"A duration changed by a foreign hand is put right soon, not raced",
     LEADS "100 seen 12 w1 d=5 => - wake=500 until=10000\n500 tick => update/renew d=15 base=12\n"},
    {"A server that changes our duration itself is not fought",
     START "0 ok 10 - 100 => update/acquire\n0 ok 11 w1 d=30 => started:11 leader:me wake=2000\n"
           "2000 tick => update/renew\n2010 ok 12 w2 d=30 => - wake=4000\n"},
    {"Our identity in a record that we did not write: LOST with DUPLICATE_IDENTITY",
     LEADS "500 seen 12 me 7 tr=5 => note:duplicate stopped:duplicate leader:me\n"},
    {"Another process renews our very term: LOST too",
     LEADS "500 seen 12 me 7 tr=5 acq=3 => note:duplicate stopped:duplicate leader:me\n"},
    {"A standby whose name comes up says so once",
     HELD "500 seen 11 me 7 => note:duplicate leader:me\n600 seen 12 me 8 => - wake=15600\n"},
    {"The holder set to us by somebody else is not leadership",
     HELD "500 seen 11 me 7 => note:duplicate leader:me phase=candidate\n"},
    {"LOST stands again only after its STOPPED was handed back",
     LEADS "500 seen 12 - 7 => stopped:holder wake=never\n600 seen 13 - 8 => - phase=lost\n"
           "700 drained => update/acquire base=13\n710 ok 14 w2 => started:14 leader:me\n"},
    {"Handed back with another token: it is not", LEADS
     "500 seen 12 - 7 => stopped:holder\n700 drained 12 => - phase=lost\n700 drained 0 => - phase=lost\n"},
    {"Handed back twice: once", LEADS "500 seen 12 c 7 => stopped:holder leader:c\n700 drained => - "
                                      "wake=15500\n700 drained => - wake=15500\n"},
    {"Without rejoin it ends there",
     "config rejoin=0\n" LEADS
     "500 seen 12 c 7 => stopped:holder leader:c\n700 drained => closed phase=closed\n"},
};

int main(void)
{
    return LEASE_RUN("conflict", rows);
}
