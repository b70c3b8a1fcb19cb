/* Refusals and broken connections: reported once each, tried again with patience. */
#include "lease_script.h"

#define START "0 start => -\n0 opened fresh => read\n"

static const struct script_row rows[] = {
    {"A watch that can't be opened is reported once",
     "0 start => -\n1 watchfail forbidden => error:forbidden\n2 watchfail forbidden => -\n"
     "3 watchfail notsent => error:notsent\n4 opened => -\n5 watchfail forbidden => error:forbidden\n"},
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
