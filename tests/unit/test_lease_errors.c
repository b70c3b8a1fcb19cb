/* Refusals and broken connections: reported once each, tried again with patience. */
#include "lease_script.h"

#define START "0 start => -\n0 opened fresh => read\n"

static const struct script_row rows[] = {
    {"A watch that can't be opened is reported once",
     "0 start => -\n1 watchfail forbidden => error:forbidden\n2 watchfail forbidden => -\n"
     "3 watchfail notsent => error:notsent\n4 opened => -\n5 watchfail forbidden => -\n6 opened => -\n"
     "7 watchfail notsent => -\n"},
    {"Only something sound on the watch ends its trouble: not that it opens, nor that a read succeeds",
     START "10 ok 10 b 100 => leader:b\n20 watchfail broken => error:broken\n30 opened fresh => read\n"
           "40 ok 10 b 100 => -\n50 watchfail broken => -\n60 sound => -\n70 watchfail broken => "
           "error:broken\n"},
    {"An event of the lock is sound",
     START "10 ok 10 b 100 => leader:b\n20 watchfail broken => error:broken\n30 seen 11 b 101 => -\n"
           "40 watchfail broken => error:broken\n50 gone 12 => -\n60 watchfail broken => error:broken\n"},
    {"What hinders the watch and the reads alike is reported once",
     START "1 watchfail notsent => error:notsent\n2 notsent => -\nwake tick => read\n"
           "100 ok 10 b 100 => leader:b\n110 watchfail notsent => -\n"},
    {"Nor do they report for each other what goes on",
     START "1 notsent => error:notsent\n2 watchfail notsent => -\n3 sound => -\n4 watchfail notsent => -\n"},
    {"403 on a read: reported once, tried each retryPeriod",
     START "10 forbidden => error:forbidden wake=2010\nwake tick => read\n2020 forbidden => - wake=4020\n"},
    {"403 on a write: the same",
     "config put=0\n" START "10 missing => create/acquire\n20 forbidden => error:forbidden wake=2020\nwake "
     "tick => create/acquire\n"},
    {"No such namespace: reported, tried each retryPeriod",
     START "10 nonamespace => error:nonamespace wake=2010\nwake tick => read\n2020 nonamespace => -\n"},
    {"No such namespace, told to the PUT that creates",
     START "0 missing => create/acquire\n10 forbidden => put/acquire\n20 nonamespace => error:nonamespace "
           "wake=2020\n"},
    {"400, 401, 422: reported, tried each retryPeriod",
     START "10 ok 10 - 100 => update/acquire\n20 refused => error:refused wake=2020\n"},
    {"429 without Retry-After: a growing back-off",
     START "0 throttled => error:throttled wake=25..50\nwake tick => read\n100 throttled => - "
           "wake=150..200\nwake tick => read\n200 throttled => - wake=300..400\n"},
    {"429 with Retry-After: not before", START "0 throttled 7000 => error:throttled wake=7000\n"},
    {"but not for longer than 30 s: whoever says so may be wrong",
     START "0 throttled 3600000 => error:throttled wake=30000\n"},
    {"A candidate's attempts get more time with each failure in a row, up to 10 s",
     "0 start => -\n0 opened fresh => read timeout=3333\n4000 timeout => error:timeout\n"
     "wake tick => read timeout=6666\n12000 timeout => -\nwake tick => read timeout=10000\n"
     "24000 timeout => -\nwake tick => read timeout=10000\n"
     "36000 ok 10 - 100 => note:tight update/acquire timeout=10000\n"},
    {"A success ends the row",
     "0 start => -\n0 opened fresh => read timeout=3333\n10 timeout => error:timeout\n"
     "wake tick => read timeout=6666\n100 ok 10 - 100 => update/acquire timeout=3333\n"},
    {"However short the durations",
     "config lease=2000 renew=1400 retry=200\n0 start => -\n0 opened fresh => read timeout=466\n"
     "500 timeout => error:timeout\nwake tick => read timeout=933\n2000 notsent => error:notsent\n"
     "wake tick => read timeout=1866\n"},
    {"Nor is it less than the durations allow",
     "config lease=90000 renew=60000 retry=2000\n0 start => -\n0 opened fresh => read timeout=20000\n"
     "500 timeout => error:timeout\nwake tick => read timeout=20000\n"},
    {"Who leads keeps to its deadline, whatever failed before",
     "0 start => -\n0 opened fresh => read\n10 timeout => error:timeout\nwake tick => read timeout=6666\n"
     "100 ok 10 - 100 => update/acquire\n100 timeout => error:timeout\nwake tick => read\n"
     "200 ok 10 - 100 => update/acquire timeout=6666\n200 ok 11 w2 => started:11 leader:me until=10200\n"
     "wake tick => update/renew timeout=2666\n2210 notsent => error:notsent\n"
     "3000 tick => update/renew timeout=2400\n"},
    {"5xx: a growing back-off",
     START "0 error500 => error:error500 wake=25..50\nwake tick => read\n100 error500 => - wake=150..200\n"},
    {"No connection: a growing back-off, to retryPeriod",
     START "0 notsent => error:notsent wake=25..50\nwake tick => read\n100 notsent => -\nwake tick => "
           "read\n300 notsent => -\n"
           "wake tick => read\n600 notsent => -\nwake tick => read\n1200 notsent => -\nwake tick => "
           "read\n3000 notsent => - wake=3800..4600\n"
           "wake tick => read\n5000 notsent => - wake=6000..7000\nwake tick => read\n9000 notsent => - "
           "wake=10000..11000\n"},
};

int main(void)
{
    return LEASE_RUN("errors", rows);
}
