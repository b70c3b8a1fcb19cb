/* The lock is deleted under its leader, whose Pod lives. */
#include "life_script.h"

static const struct script_row rows[] = {
    {"Created again at once, no other leads; the token stays",
     LEADS "500 gone 12 => create phase=leading\n510 ok 13 me => - wake=never phase=leading\n"
           "600 stop => stopped:stop\n610 drained 11 => closed\n"},
    {"Read as absent: created again", LEADS "500 opened fresh => read\n510 missing => create\n"},
    {"It goes before all acquisitions",
     "config queue\n0 start => -\n0 own live => -\n0 opened fresh => - "
     "urgency=acquire\n0 send => read\n0 ok 11 me => started:11 leader:me\n"
     "500 gone 12 => - urgency=renew\n"},
    {"A deletion older than the creation is old", LEADS "500 gone 10 => - wake=never\n"},
    {"A deletion older than the re-creation is old",
     LEADS "500 gone 12 => create\n510 ok 14 me => -\n520 gone 13 => - wake=never\n"},
    {"The watch shows the re-creation before its answer",
     LEADS "500 gone 12 => create\n505 seen 13 me => -\n510 ok 13 me => - wake=never phase=leading\n"},
    {"Deleted again and again: put right no sooner than each 50 ms",
     LEADS "500 gone 12 => create\n510 ok 13 me => -\n520 gone 14 => - wake=560\nwake tick => create\n"
           "570 ok 15 me => -\n700 gone 16 => create\n"},
    {"Another was first, the watch says: LOST",
     LEADS "500 gone 12 => create\n505 seen 13 c => stopped:lock leader:c observed=c\n510 conflict => - "
           "phase=lost\n"},
    {"Another was first, and gone again, an event that comes late says: LOST",
     LEADS "500 gone 14 => create\n505 seen 13 c => stopped:lock observed=c\n510 notsent => error:notsent "
           "phase=lost\n"},
    {"An event of the former term that comes late: leads on",
     LEADS "500 gone 14 => create\n505 seen 13 me => - phase=leading\n510 ok 15 me => -\n"},
    {"Another was first, a read says: LOST",
     LEADS "500 gone 12 => create\n510 conflict => read\n520 ok 13 c => stopped:lock leader:c\n"},
    {"409, but it is our own: an earlier attempt's trace",
     LEADS "500 gone 12 => create\n510 timeout => error:timeout wake=535..560\n520 gone 12 => -\n"
           "wake tick => read\n570 ok 13 me => - wake=never phase=leading\n"},
    {"409, and it is gone again: tried again with patience",
     LEADS "500 gone 12 => create\n510 conflict => read\n520 missing => create\n530 conflict => - "
           "wake=555..630\nwake tick => read\n"},
    {"403: said once, retried each retryPeriod, leads on",
     LEADS "500 gone 12 => create\n510 forbidden => error:forbidden wake=2510\nwake tick => create\n"
           "2520 forbidden => - wake=4520\nwake tick => create\n4530 ok 13 me => - wake=never\n"},
    {"5xx: read, then retried, with a growing back-off",
     LEADS "500 gone 12 => create\n500 error500 => error:error500 wake=525..550\nwake tick => read\n"
           "600 missing => create\n600 error500 => - wake=650..700\nwake tick => read\n"},
    {"No connection: retried with a growing back-off",
     LEADS "500 gone 12 => create\n500 notsent => error:notsent wake=525..550\nwake tick => create\n"
           "600 notsent => - wake=650..700\nwake tick => create\n700 notsent => - wake=800..900\n"},
    {"A time-out: read before the retry",
     LEADS "500 gone 12 => create\n10500 timeout => error:timeout wake=10525..10550\nwake tick => read\n"
           "10600 missing => create\n10610 ok 13 me => - wake=never\n"},
    {"429: not before Retry-After", LEADS "500 gone 12 => create\n500 throttled 7000 => error:throttled "
                                          "wake=7500\n"},
    {"404 to a creation: patience", LEADS "500 gone 12 => create\n500 missing => error:error500 wake=2500\n"},
    {"No such namespace: patience", LEADS "500 gone 12 => create\n500 nonamespace => error:nonamespace "
                                          "wake=2500\n"},
    {"401, 422: patience", LEADS "500 gone 12 => create\n500 refused => error:refused wake=2500\n"},
    {"While it can't be put back, it leads on", LEADS "500 gone 12 => create\n510 forbidden => "
                                                      "error:forbidden phase=leading until=never\n"},
    {"Another has it while it can't be put back: LOST", LEADS
     "500 gone 12 => create\n510 forbidden => error:forbidden\n600 seen 13 c => stopped:lock leader:c\n"},
    {"Our Pod is being deleted: not put back; it leads until it ends",
     LEADS "400 own deleting => note:podending\n500 gone 12 => - wake=never phase=leading\n"
           "9000 own absent => note:nopod stopped:pod\n"},
    {"Our Pod turns out to be deleted while the re-creation is retried: no more",
     LEADS "500 gone 12 => create\n510 notsent => error:notsent wake=535..560\n520 own deleting => "
           "note:podending wake=never phase=leading\n"},
    {"Our Pod may not be read any more, but is known to be deleted: not put back", LEADS
     "400 own deleting => note:podending\n410 own forbidden => error:podsforbidden\n500 gone 12 => -\n"},
    {"Deleted during a drain: put back as well",
     LEADS "400 stop => stopped:stop\n500 gone 12 => create\n510 ok 13 me => - phase=draining\n"
           "600 drained => closed\n"},
    {"Another was first during a drain",
     LEADS "400 stop => stopped:stop\n500 gone 12 => create\n505 seen 13 c => lostdrain:lock closed\n"
           "510 conflict => -\n"},
    {"Only marked for deletion (finalizers): it is still there",
     LEADS "500 seen 12 me deleting => - wake=never\n600 gone 13 => create\n"},
};

int main(void)
{
    return LIFE_RUN("deleted", rows);
}
