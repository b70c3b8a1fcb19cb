/* The lock is gone, but its last owner's Pod may still work: nobody leads before that has ended. */
#include "life_script.h"

#define GONE HELD "100 gone 12 => - observed=b wake=never\n"

static const struct script_row rows[] = {
    {"The last owner is known to be gone: created at once", HELD "50 owner b absent => -\n100 gone 12 => "
                                                                 "create\n"},
    {"The last owner is known to have ended: created at once",
     HELD "50 gone 12 => -\n60 owner b terminal => create\n"},
    {"Nothing is known of the last owner: waits", GONE "9000 tick => - wake=never\n"},
    {"Nothing is known of the last owner, still: waits", GONE "200 owner b unknown => - wake=never\n"},
    {"It lives: waits", GONE "200 owner b live => - wake=never\n9000 tick => -\n"},
    {"Foreground deletion: waits until it is absent",
     GONE "200 owner b deleting => - wake=never observed=b\n30000 owner b absent => create\n"
          "30010 ok 13 me => started:13 leader:me\n"},
    {"Foreground deletion: waits until it is terminal", GONE "200 owner b deleting => -\n30000 owner b "
                                                             "terminal => create\n"},
    {"What was told before the lock went counts", HELD "50 owner b live => -\n60 owner b deleting => -\n"
                                                       "100 gone 12 => -\n200 owner b absent => create\n"},
    {"Told of another Pod: says nothing of the last owner",
     GONE "200 owner c absent => -\n210 owner b/x "
          "absent => -\n220 owner b absent => create\n"},
    {"No Pod comes back: a late sighting of it alive is old",
     HELD "50 owner b absent => -\n60 owner b live => -\n70 owner b deleting => -\n100 gone 12 => create\n"},
    {"No Pod comes back: a late sighting of it before its end is old",
     HELD "50 gone 12 => -\n60 owner b terminal => create\n70 conflict => -\n75 owner b live => -\n"
          "80 gone 14 => - wake=80..85\nwake tick => create\n"},
    {"Nothing more can be learnt of a Pod that is known to have ended",
     HELD "50 owner b absent => -\n60 owner b unknown => -\n70 gone 12 => create\n"},
    {"The lock is another's by now: the last owner is the new one",
     HELD "50 owner b absent => -\n60 seen 12 c => leader:c observed=c\n70 gone 13 => - wake=never\n"
          "80 owner b absent => -\n90 owner c absent => create\n"},
    {"The lock comes back as the last owner's: waits on",
     GONE "200 seen 13 b => - wake=never\n210 owner b absent => - wake=never\n220 gone 14 => create\n"},
    {"A lock that lost its owner, then went: the last owner is still waited for",
     HELD "50 seen 12 none => note:lockowner observed=b\n60 gone 13 => - wake=never\n70 owner b absent => "
          "create\n"},
    {"cascade=orphan: never taken, and free when the mending command deletes it",
     HELD "50 seen 12 none => note:lockowner\n60 owner b absent => - wake=never\n9000 tick => -\n"
          "9010 gone 13 => create\n"},
    {"Read as absent: waited for likewise",
     HELD "50 opened fresh => read\n60 missing => - wake=never\n70 owner b absent => create\n"},
    {"Our own Pod was the last owner: created at once",
     "0 start => -\n0 opened fresh => read\n0 ok 10 me => leader:me\n10 gone 12 => -\n20 own live => "
     "create\n"},

    {"Pods may not be read: created at once, said once",
     HELD "50 owner b forbidden => error:podsforbidden\n60 owner b forbidden => -\n100 gone 12 => create\n"
          "110 ok 13 me => started:13 leader:me\n"},
    {"Pods may not be read, told after the lock went",
     GONE "150 owner b forbidden => error:podsforbidden create\n"},
    {"Said once for whatever Pod",
     HELD "50 owner b forbidden => error:podsforbidden\n60 seen 12 c => leader:c\n70 owner c forbidden => -\n"
          "80 own forbidden => -\n90 gone 13 => create\n"},
    {"Pods may not be read: no end is known, so nothing is deleted",
     HELD "50 owner b forbidden => error:podsforbidden wake=never\n60 tick => -\n"},
    {"Allowed again: what is learnt counts",
     HELD "50 owner b forbidden => error:podsforbidden\n60 owner b deleting => -\n100 gone 12 => -\n"
          "200 owner b absent => create\n"},
    {"Forbidden after it was seen alive (an API server that starts): given 30 s, then as if never seen",
     HELD "50 owner b deleting => -\n100 gone 12 => -\n200 owner b forbidden => error:podsforbidden "
          "wake=30200\n300 owner b forbidden => - wake=30200\nwake tick => create\n"},
    {"Forbidden after it was seen alive, then allowed again: waits for its end",
     HELD "50 owner b live => -\n100 gone 12 => -\n200 owner b forbidden => error:podsforbidden\n"
          "1000 owner b deleting => - wake=never\n60000 owner b absent => create\n"},
    {"Forbidden after it was seen alive, and gone much later: created at once",
     HELD "50 owner b live => -\n100 owner b forbidden => error:podsforbidden wake=never\n"
          "90000 gone 12 => create\n"},
    {"Forbidden after its end was seen: ended all the same",
     HELD "50 gone 12 => -\n60 owner b absent => create\n70 conflict => -\n80 owner b forbidden => "
          "error:podsforbidden\n90 gone 14 => - wake=90..95\nwake tick => create\n"},

    {"Read before the deletion, answered after it: whose it was is known all the same",
     START "3 gone 12 => -\n5 ok 10 c => - observed=c wake=never\n10 owner c deleting => - wake=never\n"
           "20 owner c absent => create\n"},
    {"An event that comes late tells of a later owner than was known",
     HELD "5 owner b absent => -\n10 gone 14 => create\n12 seen 12 c => - observed=c\n20 conflict => -\n"
          "30 seen 15 d => leader:d observed=d\n"},
    {"An event that comes late tells of a later owner: a creation that succeeds is held back",
     HELD "5 owner b absent => -\n10 gone 14 => create\n12 seen 12 c => - observed=c\n20 ok 15 me => "
          "leader:me phase=candidate observed=c wake=never\n30 owner c absent => read\n"},
    {"An event that comes late tells whose a lock without an owner was",
     START "0 ok 12 none => note:lockowner\n5 seen 11 c => - observed=c\n10 gone 13 => - wake=never\n"
           "20 owner c absent => create\n"},
    {"An event that comes late tells of an earlier owner: no matter",
     HELD "10 gone 14 => -\n12 seen 9 c => - observed=b\n20 owner b absent => create\n"},

    {"Created, but a leader that came and went meanwhile has not ended: led only after that", START
     "0 missing => create\n5 seen 12 c => leader:c observed=c\n6 gone 13 => -\n10 ok 14 me => leader:me "
     "phase=candidate observed=c leader=me wake=never\n20 owner c deleting => - wake=never\n"
     "30 owner c absent => read\n35 ok 14 me => started:14 observed=nobody wake=never\n"},
    {"Created, and a leader that came and went meanwhile has ended: led at once",
     START "0 missing => create\n5 seen 12 c => leader:c\n6 gone 13 => -\n7 owner c absent => -\n"
           "10 ok 14 me => started:14 leader:me\n"},
    {"A creation that was given up lands after another's term: led only after that",
     START "0 missing => create\n100 timeout => error:timeout\n210 seen 12 c => leader:c\n220 gone 13 => - "
           "wake=never\n230 seen 14 me => leader:me read\n240 ok 14 me => - phase=candidate observed=c "
           "wake=never\n250 owner c terminal => read\n260 ok 14 me => started:14\n"},
    {"A creation that was sent twice, and met its own trace, is no less late: led only after the other's term",
     START "0 missing => create\n100 conflict => -\n110 seen 12 c => leader:c\n120 owner c deleting => -\n"
           "130 gone 13 => -\n140 seen 14 me => leader:me read\n150 ok 14 me => - phase=candidate observed=c\n"
           "160 owner c absent => read\n170 ok 14 me => started:14\n"},
    {"Held back, but the former leader is alive and well, and lost it to a hand: led",
     START "0 missing => create\n5 seen 12 c => leader:c\n6 gone 13 => -\n10 ok 14 me => leader:me "
           "phase=candidate\n20 owner c live => read\n30 ok 14 me => started:14\n"},
    {"Held back, and the lock is edited: still held back",
     START "0 missing => create\n5 seen 12 c => leader:c\n6 gone 13 => -\n10 ok 14 me => leader:me\n"
           "15 seen 15 me => read\n20 ok 15 me => - phase=candidate observed=c wake=never\n"
           "30 owner c absent => read\n35 ok 15 me => started:15\n"},
    {"Held back, and the lock is gone: waited for as before",
     START "0 missing => create\n5 seen 12 c => leader:c\n6 gone 13 => -\n10 ok 14 me => leader:me\n"
           "20 gone 15 => - wake=never\n30 owner c absent => create\n40 ok 16 me => started:16\n"},
    {"Held back, and the lock goes to another: a standby",
     START "0 missing => create\n5 seen 12 c => leader:c\n6 gone 13 => -\n10 ok 14 me => leader:me\n"
           "20 seen 15 d => leader:d observed=d\n30 owner c absent => - wake=never phase=candidate\n"},
    {"Held back, and our own Pod is deleted: never led", START
     "0 missing => create\n5 seen 12 c => leader:c\n6 gone 13 => -\n10 ok 14 me => leader:me\n"
     "20 own deleting => note:podending\n30 owner c absent => read\n40 ok 14 me => - phase=candidate\n"},
    {"Held back, and Pods may not be read: as for any last owner", START
     "0 missing => create\n5 seen 12 c => leader:c\n6 gone 13 => -\n10 ok 14 me => leader:me\n"
     "15 owner c deleting => -\n20 owner c forbidden => error:podsforbidden wake=30020\nwake tick => read\n"
     "30030 ok 14 me => started:14\n"},
    {"Lost while the lock was put back, and that lands after the winner's lock went: held back",
     LEADS "500 gone 12 => create\n505 seen 13 c => stopped:lock leader:c\n506 gone 14 => -\n"
           "510 ok 15 me => leader:me observed=c\n520 drained 11 => read\n530 ok 15 me => - phase=candidate "
           "wake=never\n540 owner c absent => read\n550 ok 15 me => started:15\n"},
};

int main(void)
{
    return LIFE_RUN("wait", rows);
}
