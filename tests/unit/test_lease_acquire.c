/* Taking the lock: the record, its expiry, what counts as news. */
#include "lease_script.h"

#define START "0 start => -\n0 opened fresh => read\n"
/* Another leads since 0 s, with 15 s. */
#define HELD START "0 ok 10 b 100 tr=4 => leader:b wake=15000\n"

static const struct script_row rows[] = {
    {"Create: transitions 0, whole seconds, acquireTime is renewTime",
     START "10 missing => create/acquire tr=0 d=15 acq=new holder=me timeout=3333\n"
           "20 ok 11 w1 => started:11 leader:me until=10010 grace=13510 phase=leading wake=2010\n"},
    {"The duration is rounded up to whole seconds, at least 1",
     "config lease=300 renew=200 retry=50\n" START "0 missing => create/acquire d=1\n"},
    {"1.001 s is written as 2",
     "config lease=1001 renew=700 retry=100\n" START "0 missing => create/acquire d=2\n"},
    {"A takeover of an empty lock: transitions + 1, a new acquireTime, at once, on the version observed",
     START "10 ok 10 - 100 tr=4 => update/acquire tr=5 acq=new base=10 d=15\n"
           "20 ok 11 w1 => started:11 leader:me\n"},
    {"A takeover from a holder: transitions + 1, a new acquireTime, when its time is over",
     HELD "wake tick => update/acquire tr=5 acq=new base=10\n"
          "15010 ok 11 w1 => started:11 leader:me\n"},
    {"Expiry is the recorded duration, not ours",
     START "10 ok 10 b 100 d=60 => leader:b wake=60010\n60009 tick => - \n60010 tick => update/acquire\n"},
    {"A short recorded duration counts in a record's first sighting",
     START "10 ok 10 b 100 d=3 => leader:b wake=3010\n"},
    {"Counted from receipt, a change of renewTime starts it anew",
     HELD "9000 seen 11 b 101 tr=4 => - wake=24000\n"},
    {"A change of the holder's acquireTime starts it anew",
     HELD "9000 seen 11 b 100 tr=4 acq=2 => leader:b wake=24000\n"},
    {"A change of transitions starts it anew", HELD "9000 seen 11 b 100 tr=5 => leader:b wake=24000\n"},
    {"Labels are no part of the record: a new version of the same record prolongs nothing",
     HELD "9000 seen 11 b 100 tr=4 => - wake=15000\n15000 tick => update/acquire base=11\n"},
    {"A watch that opens anew neither resets nor shortens it",
     HELD "9000 opened fresh => read\n9010 ok 10 b 100 tr=4 => - wake=15000\n"},
    {"Nor does a read with another version of the same record",
     HELD "9000 opened fresh => read\n9010 ok 12 b 100 tr=4 => - wake=15000\n"},
    {"Held with a missing duration: our own leaseDuration counts",
     START "10 ok 10 b 100 d=0 => leader:b wake=15010\n"},
    {"Held with a negative duration: the same", START "10 ok 10 b 100 d=-3 => leader:b wake=15010\n"},
    {"A duration without bounds does not overflow",
     START "10 ok 10 b 100 d=9223372036854775807 => leader:b wake=315360000010\n"},
    {"A duration shortened within a term does not count",
     HELD "1000 seen 11 b 101 d=2 tr=4 => - wake=16000\n"},
    {"Nor one that goes missing within it, when it was longer than ours",
     START "10 ok 10 b 100 d=60 => leader:b\n1000 seen 11 b 101 d=0 => - wake=61000\n"},
    {"A duration lengthened within a term counts", HELD "1000 seen 11 b 101 d=40 tr=4 => - wake=41000\n"
                                                        "2000 seen 12 b 102 d=15 tr=4 => - wake=42000\n"},
    {"A new term may be shorter", START "10 ok 10 b 100 d=60 => leader:b\n"
                                        "1000 seen 11 c 101 d=5 tr=1 acq=7 => leader:c wake=6000\n"},
    {"Times are opaque: one that went back is a change like any other",
     HELD "9000 seen 11 b 5 tr=4 => - wake=24000\n"},
    {"Times are opaque: a renewTime far in the past is not expired, nor one in the future for ever", START
     "0 ok 10 b -9000000000000000 => leader:b wake=15000\n1 seen 11 b 9000000000000000 => - wake=15001\n"},
    {"Observations not newer in resourceVersion are dropped: a regress on the watch",
     HELD "9000 seen 9 c 50 => - wake=15000\n9001 seen 10 c 50 => - wake=15000\n"},
    {"An old release on the watch frees nothing", HELD "9000 seen 9 - 50 => - wake=15000\n"},
    {"An old deletion on the watch frees nothing", HELD "9000 gone 9 => - wake=15000\n"},
    {"A read overtaken by the watch is stale knowledge, and dropped", HELD
     "9000 opened fresh => read\n9005 seen 12 b 102 tr=4 => - \n9010 ok 11 - 101 tr=4 => - wake=24005\n"},
    {"A read asked before the news can't say that there is none",
     START "10 seen 12 - 102 => -\n20 missing => update/acquire base=12\n"},
    {"nor free a lock that is held",
     START "10 seen 12 b 102 => leader:b\n20 missing => - wake=15010 phase=candidate\n"},
    {"A read sent after the last news that shows an older version: the server went back, and that is the "
     "truth",
     HELD "9000 opened fresh => read\n9010 ok 3 c 7 => leader:c wake=24010\n24010 tick => update/acquire "
          "base=3\n"},
    {"Versions without numbers: elected all the same, the token is none",
     START "10 ok \"a - 100 => update/acquire\n20 ok \"b w1 => started:0 leader:me\n"},
    {"Versions without numbers are not told apart by age: what the watch shows is settled by a read",
     START "10 ok \"b b 100 => leader:b wake=15010\n20 seen \"a - 99 => read\n"
           "30 ok \"b b 100 => - wake=15010\n40 seen \"c - 101 => read\n50 ok \"c - 101 => update/acquire\n"},
    {"Versions without numbers: our own older write on a late watch is no duplicate",
     START "0 ok \"a - 100 => update/acquire\n20 ok \"b w1 => started:0 leader:me wake=2000\n"
           "wake tick => update/renew\n2010 ok \"c w2 => - until=12000\n"
           "2020 seen \"b w1 => read\n2030 ok \"c w2 => - phase=leading wake=4000\n"},
    {"Versions without numbers: what the watch showed during a write is read after it",
     START "0 ok \"a - 100 => update/acquire\n20 ok \"b w1 => started:0 leader:me wake=2000\n"
           "wake tick => update/renew\n2005 seen \"d c 100 => -\n"
           "2010 ok \"c w2 => read\n2030 ok \"d c 100 => stopped:holder leader:c\n"},
    {"Versions without numbers: what the watch showed during a read that does not show it is read again",
     START "10 ok \"b b 100 => leader:b\n20 seen \"c - 101 => read\n25 seen \"d - 102 => -\n"
           "30 ok \"b b 100 => read\n40 ok \"d - 102 => update/acquire\n"},
    {"Versions without numbers: what a read shows at once is not read again",
     START "10 ok \"b b 100 => leader:b\n20 seen \"c - 101 => read\n25 seen \"d - 102 => -\n"
           "30 ok \"d - 102 => update/acquire\n"},
    {"Found under our identity at the start: waited out and taken as a takeover",
     START "0 ok 10 me 100 tr=4 => leader:me wake=15000\n15000 tick => update/acquire tr=5 acq=new\n"},
    {"transitions stay within the int32 that the API has for them",
     START "0 ok 10 - 100 tr=2147483647 => update/acquire tr=2147483647\n"},
    {"Senseless transitions begin anew", START "0 ok 10 - 100 tr=-5 => update/acquire tr=1\n"},
    {"Option resume takes it at once, as a takeover",
     "config resume=1\n" START "0 ok 10 me 100 tr=4 => leader:me update/acquire tr=5 acq=new base=10\n"
     "10 ok 11 w1 => started:11 leader:me\n"},
    {"Resume is for the start only: later it is another process",
     "config resume=1\n" HELD "1000 seen 11 me 101 tr=5 => note:duplicate leader:me wake=16000\n"},
    {"An own acquisition on the watch before its answer: STARTED then, and once",
     START "10 missing => create/acquire\n20 seen 11 w1 => started:11 leader:me until=10010\n30 ok 11 w1 => "
           "- phase=leading\n"},
    {"An own acquisition on the watch after its answer says nothing new", START
     "10 missing => create/acquire\n20 ok 11 w1 => started:11 leader:me\n30 seen 11 w1 => - wake=2010\n"},
    {"An own answer after a newer foreign record does not lead",
     START "10 missing => create/acquire\n20 seen 12 c 7 => leader:c\n30 ok 11 w1 => - phase=candidate "
           "wake=15020\n"},
    {"The foreign record first, then the event of our older write: neither leads",
     START "10 missing => create/acquire\n20 seen 12 c 7 => leader:c\n25 seen 11 w1 => -\n30 ok 11 w1 => - "
           "phase=candidate\n"},
    {"A creation answered while the watch still tells of the old object is ours", START
     "0 ok 10 b 100 => leader:b\n15000 tick => update/acquire base=10\n15010 missing => create/acquire\n"
     "15020 seen 11 b 101 => -\n15030 gone 12 => -\n15040 ok 13 w2 => started:13 leader:me\n"},
    {"An acquisition learnt too late to lead by is taken over as a new term",
     START "10 missing => create/acquire\n3343 timeout => error:timeout wake=3368..3393\nwake tick => read\n"
           "10010 ok 11 w1 => note:tight leader:me update/acquire tr=1 acq=new base=11\n"
           "10020 ok 12 w2 => started:12 leader:me until=20010\n"},
    {"A term counts from the time of sending, not of the answer",
     START "10 missing => create/acquire\n600 ok 11 w1 => started:11 leader:me until=10010 grace=13510 "
           "wake=2010\n"},
    {"Not until something is known of the lock is anything written",
     "0 start => - wake=2000\n2000 tick => read\n"},
    {"A request is built on what is known when it can be sent",
     "config queue\n0 start => -\n0 opened fresh => -\n0 send => read\n0 ok 10 - 100 => -\n"
     "5 seen 12 c 101 => leader:c\n6 send => -\n"},
    {"A write that waited is on the newest version, and counts from its sending",
     "config queue\n0 start => -\n0 opened fresh => -\n0 send => read\n0 ok 10 - 100 => -\n"
     "5 seen 12 - 100 => -\n300 send => update/acquire base=12\n310 ok 13 w1 => started:13 leader:me "
     "until=10300\n"},
    {"A watch that is opened afresh during a read asks for another: deleted in between goes unsaid",
     START "5 opened fresh => -\n10 ok 10 b 100 => leader:b read\n20 missing => - wake=15010\n"},
    {"the same during a write",
     START "0 missing => create/acquire\n5 opened fresh => -\n10 ok 11 w1 => started:11 leader:me read\n"
           "20 ok 11 w1 => -\n"},
    {"A candidate's read without an answer gives the next one twice as long, up to ten seconds",
     START "3333 timeout => error:timeout wake=3358..3383\nwake tick => read timeout=6666\n"
           "10049 timeout => -\nwake tick => read timeout=10000\n20200 timeout => -\n"
           "wake tick => read timeout=10000\n20500 missing => create/acquire timeout=3333\n"},
    {"Ten seconds also for one in a hurry; and once one was answered, as at first",
     "config lease=1500 renew=900 retry=200\n" START
     "300 timeout => error:timeout\nwake tick => read timeout=600\n"
     "1000 timeout => -\nwake tick => read timeout=1200\n1101 ok 10 b 100 => leader:b\n"
     "1200 opened fresh => read timeout=300\n"},
    {"POST forbidden by resourceNames: a PUT creates", START
     "10 missing => create/acquire\n20 forbidden => put/acquire tr=0\n30 ok 11 w2 => started:11 leader:me\n"},
    {"Where a PUT can't create (ConfigMaps), forbidden is an error",
     "config put=0\n" START "10 missing => create/acquire\n20 forbidden => error:forbidden wake=2020\n"},
    {"A PUT that creates meets an object: lost, as with a 409, then read",
     START "10 missing => create/acquire\n20 forbidden => put/acquire\n30 refused => - wake=1030..2030\n"
           "wake tick => read\n2100 ok 12 c 7 => leader:c suspect\n"},
    {"grace never ends before leading does",
     "config lease=15000 renew=14000\n" START "10 missing => create/acquire\n"
     "20 ok 11 w1 => started:11 leader:me until=13510 grace=13510\n"},
};

int main(void)
{
    return LEASE_RUN("acquire", rows);
}
