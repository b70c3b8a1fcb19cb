/* Locks with other owners than one Pod, and locks that a hand gave to somebody else. */
#include "life_script.h"

#define BARRED(owner, note) START "0 ok 10 " owner " => note:" note " wake=never\n"

static const struct script_row rows[] = {
    {"The leader's lock is re-owned: LOST", LEADS "500 seen 12 c => stopped:holder leader:c observed=c\n"
                                                  "510 tick => - phase=lost until=0\n"},
    {"Re-owned, and back: a new term, once handed back",
     LEADS "500 seen 12 c => stopped:holder leader:c\n510 seen 13 me => leader:me\n600 drained 11 => read\n"
           "610 ok 13 me => started:13\n"},
    {"Re-owned and handed back: a candidate again, that waits for the new owner",
     LEADS "500 seen 12 c => stopped:holder leader:c\n600 drained 11 => read\n610 ok 12 c => - wake=never\n"
           "700 gone 14 => -\n710 owner c absent => create\n720 ok 15 me => started:15 leader:me\n"},
    {"Handed back with another term's token: no hand-back",
     LEADS "500 seen 12 c => stopped:holder leader:c\n600 drained 10 => - phase=lost\n"},
    {"Without rejoin: closed",
     "config rejoin=0\n" LEADS "500 seen 12 c => stopped:holder leader:c\n600 drained 11 => closed\n"},
    {"Re-owned to our Pod's name with another UID: LOST",
     LEADS "500 seen 12 me/other => stopped:holder leader:me observed=other\n"},
    {"Re-owned during a drain", LEADS "500 stop => stopped:stop\n510 seen 12 c => lostdrain:holder closed\n"},

    {"Without an owner the leader leads on, and says so once",
     LEADS "500 seen 12 none => note:lockowner phase=leading wake=never\n510 seen 13 none => -\n"
           "520 seen 14 me => - phase=leading\n530 seen 15 none => note:lockowner\n"},
    {"Without an owner, then deleted: put back", LEADS "500 seen 12 none => note:lockowner\n510 gone 13 => "
                                                       "create\n520 ok 14 me => -\n"},
    {"Without an owner, and an event that comes late says that it was another's before: LOST",
     LEADS "500 seen 14 none => note:lockowner\n505 seen 13 c => stopped:holder observed=c\n"},
    {"Several owners: LOST", LEADS "500 seen 12 several => note:lockowner stopped:holder wake=never\n"},
    {"An owner that is no Pod: LOST", LEADS "500 seen 12 nopod => note:lockowner stopped:holder\n"},
    {"It was made a lock of leader-with-lease: LOST",
     LEADS "500 seen 12 lease => note:foreignlock stopped:holder\n"},
    {"Lost to an owner that is no Pod, and mended by deletion: created anew",
     LEADS "500 seen 12 nopod => note:lockowner stopped:holder\n510 drained => read\n520 ok 12 nopod => "
           "- wake=never\n600 gone 14 => create\n610 ok 15 me => started:15\n"},

    {"No owner: never taken, reported once", BARRED("none", "lockowner") "9000 tick => -\n9010 seen 11 none "
                                                                         "=> - wake=never\n"},
    {"Several owners: never taken, reported once",
     BARRED("several", "lockowner") "9000 tick => -\n9010 seen 11 several => - wake=never\n"},
    {"An owner that is no Pod: never taken, reported once",
     BARRED("nopod", "lockowner") "9000 tick => -\n9010 seen 11 nopod => - wake=never\n"},
    {"A lock of leader-with-lease: refused, reported once",
     BARRED("lease", "foreignlock") "9000 tick => -\n9010 seen 11 lease => - wake=never\n"},
    {"Another such trouble is reported as another",
     BARRED("none", "lockowner") "10 seen 11 several => note:lockowner\n20 seen 12 lease => "
                                 "note:foreignlock\n30 seen 13 none => note:lockowner\n"},
    {"Mended, and troubled again: reported again",
     BARRED("none", "lockowner") "10 seen 11 b => leader:b\n20 seen 12 none => note:lockowner\n"},
    {"Deleted, and troubled again: reported again",
     HELD "10 seen 12 none => note:lockowner\n20 gone 13 => -\n30 seen 14 none => note:lockowner\n"},
    {"Its last owner has ended: never taken all the same",
     HELD "10 owner b terminal => delete\n20 conflict => - wake=1020..2020\n30 seen 12 several => "
          "note:lockowner wake=never\n"},
    {"Mended by deletion, and nobody ever owned it: created",
     BARRED("none", "lockowner") "10 gone 11 => create\n20 ok 12 me => started:12 leader:me\n"},
    {"Mended by giving it to us: read, then it leads",
     BARRED("none", "lockowner") "10 seen 11 me => leader:me read\n20 ok 11 me => started:11\n"},
    {"No owner, and we were the owner before the restart: not taken",
     START "0 ok 12 none => note:lockowner wake=never phase=candidate\n"},
};

int main(void)
{
    return LIFE_RUN("owner", rows);
}
