/* Refusals, broken connections and watches that are not allowed: said once each, tried again with patience.
 */
#include "life_script.h"

static const struct script_row rows[] = {
    {"A watch's trouble is reported once, and again after something sound came on it, not after it opened",
     "0 start => -\n1 watchfail forbidden => error:forbidden\n2 watchfail forbidden => -\n"
     "3 watchfail notsent => error:notsent\n4 opened => -\n5 watchfail forbidden => -\n6 sound => -\n"
     "7 watchfail forbidden => error:forbidden\n"},
    {"403 on a read: said once, tried each retryPeriod",
     START "10 forbidden => error:forbidden wake=2010\nwake tick => read\n2020 forbidden => - wake=4020\n"},
    {"403 on a creation: the same", START "10 missing => create\n20 forbidden => error:forbidden wake=2020\n"
                                          "wake tick => create\n2030 forbidden => - wake=4030\n"},
    {"Said again after it worked once",
     START "10 forbidden => error:forbidden\nwake tick => read\n2020 ok 10 b => leader:b\n"
           "2030 opened fresh => read\n2040 forbidden => error:forbidden\n"},
    {"No such namespace: said, tried each retryPeriod",
     START "10 nonamespace => error:nonamespace wake=2010\nwake tick => read\n"},
    {"400, 401, 422: said, tried each retryPeriod",
     START "10 missing => create\n20 refused => error:refused wake=2020\nwake tick => create\n"},
    {"404 to a creation: tried each retryPeriod",
     START "10 missing => create\n20 missing => error:error500 wake=2020\nwake tick => create\n"},
    {"429 without Retry-After: a growing back-off",
     START "0 throttled => error:throttled wake=25..50\nwake tick => read\n100 throttled => - wake=150..200\n"
           "wake tick => read\n200 throttled => - wake=300..400\n"},
    {"429 with Retry-After: not before", START "0 throttled 7000 => error:throttled wake=7000\n"},
    {"5xx: a growing back-off", START "0 error500 => error:error500 wake=25..50\nwake tick => read\n"
                                      "100 error500 => - wake=150..200\n"},
    {"No connection: a growing back-off, to retryPeriod",
     START "0 notsent => error:notsent wake=25..50\nwake tick => read\n100 notsent => -\nwake tick => read\n"
           "300 notsent => -\nwake tick => read\n600 notsent => -\nwake tick => read\n1200 notsent => -\n"
           "wake tick => read\n3000 notsent => - wake=3800..4600\nwake tick => read\n"
           "5000 notsent => - wake=6000..7000\nwake tick => read\n9000 notsent => - wake=10000..11000\n"},
    {"The failures are forgotten once it works",
     START "0 notsent => error:notsent\nwake tick => read\n100 notsent => -\nwake tick => read\n"
           "300 ok 10 b => leader:b\n400 opened fresh => read\n500 notsent => error:notsent wake=525..550\n"},

    {"Forbidden to watch: polls every retryPeriod with jitter, says so once",
     "0 start => -\n0 own live => -\n0 unwatchable => error:unwatchable read\n10 ok 10 b => leader:b "
     "wake=2010..2410\n20 unwatchable => - wake=2010..2410\nwake tick => read\n2500 ok 10 b => - "
     "wake=4500..4900\nwake tick => read\n5000 ok 11 b => - wake=7000..7400\n"},
    {"A poll that finds it gone waits for the last owner, and polls on",
     "0 start => -\n0 own live => -\n0 unwatchable => error:unwatchable read\n10 ok 10 b => leader:b\n"
     "wake tick => read\n2500 missing => - wake=4500..4900\n3000 owner b absent => create\n"
     "3010 ok 12 me => started:12 leader:me wake=4500..4900\n"},
    {"A leader polls, too: how else could it lose",
     "0 start => -\n0 own live => -\n0 unwatchable => "
     "error:unwatchable read\n10 missing => create\n"
     "20 ok 11 me => started:11 leader:me wake=2010..2410\n"
     "wake tick => read\n2500 ok 12 c => stopped:holder leader:c\n"},
    {"A leader's poll finds it deleted: put back",
     "0 start => -\n0 own live => -\n0 unwatchable => error:unwatchable read\n10 missing => create\n"
     "20 ok 11 me => started:11 leader:me\nwake tick => read\n2500 missing => create\n2510 ok 13 me => - "
     "wake=4500..4900\n"},
    {"A poll that fails backs off", "0 start => -\n0 own live => -\n0 unwatchable => error:unwatchable "
                                    "read\n10 forbidden => error:forbidden "
                                    "wake=2010\nwake tick => read\n"},
    {"A lost term does not poll",
     "0 start => -\n0 own live => -\n0 unwatchable => error:unwatchable read\n10 missing => create\n"
     "20 ok 11 me => started:11 leader:me\n30 seen 12 c => stopped:holder leader:c wake=never\n"
     "40 drained => read\n"},
    {"Allowed again, it polls no more",
     "0 start => -\n0 own live => -\n0 unwatchable => error:unwatchable read\n10 ok 10 b => leader:b\n"
     "500 opened => - wake=never\n"},
    {"A watch that is live again reads when it may have missed something",
     HELD "500 opened => - wake=never\n600 opened fresh => read\n700 ok 10 b => - wake=never\n"},
};

int main(void)
{
    return LIFE_RUN("errors", rows);
}
