/* The lock is deleted: waited out by the standbys, created again by its holder. */
#include "lease_script.h"

#define START "0 start => -\n0 opened fresh => read\n"
#define HELD  START "0 ok 10 b 100 tr=4 => leader:b wake=15000\n"
#define LEADS                                                                                                \
    START "0 ok 10 - 100 tr=4 => update/acquire\n"                                                           \
          "0 ok 11 w1 => started:11 leader:me until=10000 wake=2000\n"
#define RENEWS LEADS "wake tick => update/renew base=11\n"

static const struct script_row rows[] = {
    {"Deleted while last seen held: waited out like an expiring one",
     HELD "5000 gone 11 => - wake=15000\n15000 tick => create/acquire tr=0\n"},
    {"Deleted and read as absent: the same",
     HELD "5000 opened fresh => read\n5010 missing => - wake=15000\n"},
    {"Its holder creates it again, as it was: no news of the holder, it does not prolong",
     HELD "5000 gone 11 => -\n6000 seen 12 b 100 tr=4 => - wake=15000\n"},
    {"Its holder creates it again with a new renewTime: prolonged",
     HELD "5000 gone 11 => -\n6000 seen 12 b 101 tr=4 => - wake=21000\n"},
    {"Deleted while it was free: taken at once",
     START "0 ok 10 b 100 => leader:b\n100 seen 11 - 101 => update/acquire\n"
           "110 conflict => -\n120 gone 12 => - wake=120..130\nwake tick => create/acquire tr=0\n"},
    {"Deleted while a write was under way: 404, created",
     START "10 ok 10 - 100 => update/acquire\n20 missing => create/acquire tr=0\n"},
    {"The leader creates a deleted lease again at once, its acquireTime and transitions kept",
     LEADS "500 gone 12 => create/renew tr=5 acq=w1 until=10000\n510 ok 13 w2 => - until=10500 phase=leading "
           "wake=2500\n"
           "520 stop => stopped:stop\n530 drained 11 => update/release\n"},
    {"It learns of the deletion by its renewal's 404",
     RENEWS "2010 missing => create/renew tr=5 acq=w1\n2020 ok 13 w3 => - until=12010\n"},
    {"If another was first: LOST",
     LEADS "500 gone 12 => create/renew\n510 conflict => read\n520 ok 13 c 7 => stopped:lock leader:c\n"},
    {"The watch tells it first: LOST", LEADS
     "500 gone 12 => create/renew\n505 seen 13 c 7 => stopped:lock leader:c\n510 conflict => - phase=lost\n"},
    {"The leader can't create it: leads to its deadline",
     LEADS "500 gone 12 => create/renew\n510 forbidden => put/renew\n"
           "520 forbidden => error:forbidden wake=2520\n10000 tick => stopped:deadline\n"},
    {"A deletion older than our creation is old",
     LEADS "500 gone 12 => create/renew\n510 ok 14 w2 => -\n520 gone 13 => - wake=2500\n"},
    {"Our re-creation is ours though the watch lags behind it",
     RENEWS "2010 missing => create/renew\n2011 seen 12 w1 => -\n2012 gone 13 => -\n2020 ok 14 w3 => - "
            "until=12010 phase=leading\n"},
    {"A term lost by deadline and deleted is created anew at once when handed back",
     RENEWS "2010 missing => create/renew\n10000 tick => stopped:deadline\n10001 broken => "
            "error:broken\n10002 drained => - wake=10026..10051\n"
            "wake tick => read\n10100 missing => create/acquire tr=0\n"},

};

int main(void)
{
    return LEASE_RUN("deleted", rows);
}
