/* Pods that end: our own, and the leader's, whose lock is then deleted by a standby. */
#include "life_script.h"

static const struct script_row rows[] = {
    {"The leader's Pod is terminal: its lock is deleted, as it was seen, then created",
     HELD "50 owner b terminal => delete base=10\n60 ok => create\n70 ok 13 me => started:13 leader:me\n"},
    {"The deletion is seen before its answer",
     HELD "50 owner b terminal => delete\n55 gone 12 => -\n60 ok => create\n"},
    {"It is read as absent by the deletion's 404",
     HELD "50 owner b terminal => delete\n60 missing => create\n"},
    {"Live or being deleted: nothing is deleted",
     HELD "50 owner b live => - wake=never\n60 owner b deleting => "
          "- wake=never\n"},
    {"Absent: left to the garbage collector", HELD "50 owner b absent => - wake=never\n"},
    {"Known to have ended before the lock was seen to be its: not yet asked about",
     START "0 owner b terminal => -\n0 ok 10 b => leader:b wake=never\n10 owner b terminal => delete\n"},
    {"A slow candidate's deletion meets 409: read again, and nothing newer is deleted",
     HELD "50 owner b terminal => delete base=10\n60 conflict => - wake=1060..2060\nwake tick => read\n"
          "2100 ok 14 c => leader:c suspect observed=c wake=never\n"},
    {"A slow candidate's deletion meets 409, and the watch shows the newer one",
     HELD "50 owner b terminal => delete\n60 conflict => -\n70 seen 14 c => leader:c wake=never\n"},
    {"A slow candidate is overtaken by the watch before it is sent",
     "config queue\n0 start => -\n0 own live => -\n0 opened fresh => -\n0 send => read\n0 ok 10 b => "
     "leader:b\n"
     "10 owner b terminal => -\n20 seen 14 c => leader:c\n30 send => -\n"},
    {"A late word about the former owner deletes nothing",
     HELD "50 seen 14 c => leader:c\n60 owner b terminal => - wake=never\n"},
    {"409 by a foreign edit that left it the ended Pod's: deleted as it is now",
     HELD "50 owner b terminal => delete base=10\n60 conflict => -\n70 seen 12 b => - wake=70..75\n"
          "wake tick => delete base=12\n"},
    {"Seen edited while the deletion is under way, then 409: as it is now",
     HELD "50 owner b terminal => delete base=10\n55 seen 12 b => -\n60 conflict => - wake=60..65\n"
          "wake tick => delete base=12\n"},
    {"The deletion has no certain end: read, and done",
     HELD "50 owner b terminal => delete\n60 timeout => error:timeout wake=85..110\nwake tick => read\n"
          "120 missing => create\n"},
    {"The deletion has no certain end: read, and done again",
     HELD "50 owner b terminal => delete\n60 broken => error:broken wake=85..110\nwake tick => read\n"
          "120 ok 10 b => delete base=10\n"},
    {"The deletion has no certain end: read, and another has it",
     HELD "50 owner b terminal => delete\n60 error500 => error:error500\nwake tick => read\n"
          "120 ok 14 c => leader:c wake=never\n"},
    {"The deletion is forbidden: said once, tried each retryPeriod",
     HELD "50 owner b terminal => delete\n60 forbidden => error:forbidden wake=2060\nwake tick => delete\n"
          "2070 forbidden => - wake=4070\n"},
    {"It waits for finalizers: not deleted again",
     HELD "50 owner b terminal => delete\n55 seen 12 b deleting => -\n60 ok => - wake=never\n"
          "9000 gone 13 => create\n"},
    {"Who does not stand deletes nothing",
     HELD "50 own deleting => note:podending\n60 owner b terminal => - wake=never\n"},
    {"The leader deletes nothing", LEADS "50 owner b terminal => - wake=never\n"},

    {"delete_pod: the Pod first, then its lock",
     "config deletepod=1\n" HELD
     "50 owner b terminal => deletepod\n60 ok => delete base=10\n70 ok => create\n"},
    {"delete_pod: it is gone by then, and its lock is not left to the garbage collector",
     "config deletepod=1\n" HELD "50 owner b terminal => deletepod\n60 ok => delete\n65 owner b absent => -\n"
     "70 conflict => - wake=1070..2070\n80 seen 12 b => - wake=80..85\nwake tick => delete\n"},
    {"delete_pod: 404, it is gone already",
     "config deletepod=1\n" HELD "50 owner b terminal => deletepod\n60 missing => delete\n"},
    {"delete_pod: 409, another has its name",
     "config deletepod=1\n" HELD "50 owner b terminal => deletepod\n60 conflict => delete\n"},
    {"delete_pod: forbidden, said once; the lock is taken all the same",
     "config deletepod=1\n" HELD
     "50 owner b terminal => deletepod\n60 forbidden => error:forbidden wake=2060\n"
     "wake tick => delete\n"},
    {"delete_pod: refused; the lock is taken all the same",
     "config deletepod=1\n" HELD "50 owner b terminal => deletepod\n60 refused => error:refused wake=2060\n"
     "wake tick => delete\n"},
    {"delete_pod: no certain end: tried again",
     "config deletepod=1\n" HELD
     "50 owner b terminal => deletepod\n60 timeout => error:timeout wake=85..110\n"
     "wake tick => deletepod\n"},
    {"delete_pod: the next one's, too",
     "config deletepod=1\n" HELD
     "50 owner b terminal => deletepod\n60 ok => delete\n65 seen 12 c => leader:c\n"
     "66 conflict => -\n70 owner c terminal => - wake=70..75\nwake tick => deletepod\n"},
    {"Without delete_pod the Pod stays", HELD "50 owner b terminal => delete\n60 ok => create\n"},

    {"Its node is lost: by default nothing is done",
     HELD "40 owner b live => -\n50 node b lost => - wake=never\n60 gone 12 => - wake=never\n"},
    {"take_from_lost_node: its lock is deleted with the same preconditions",
     "config lostnode=1\n" HELD "40 owner b live => -\n50 node b lost => delete base=10\n60 ok => create\n"
     "70 ok 13 me => started:13 leader:me\n"},
    {"take_from_lost_node: 409, nothing newer is deleted",
     "config lostnode=1\n" HELD
     "50 node b lost => delete base=10\n60 conflict => -\n70 seen 14 c => leader:c "
     "wake=never\n"},
    {"take_from_lost_node: the node is Ready again in time",
     "config lostnode=1 queue\n0 start => -\n0 own live => -\n0 opened fresh => -\n0 send => read\n"
     "0 ok 10 b => leader:b\n50 node b lost => - urgency=acquire\n60 node b ready => -\n70 send => -\n"},
    {"take_from_lost_node: Ready again before the creation: its Pod is waited for",
     "config lostnode=1\n" HELD "40 owner b live => -\n50 node b lost => delete\n55 node b ready => -\n"
     "60 ok => - wake=never\n70 owner b absent => create\n"},
    {"take_from_lost_node: the lock is gone while its Pod is being deleted on a lost node",
     "config lostnode=1\n" HELD "40 owner b deleting => -\n45 gone 12 => -\n50 node b lost => create\n"},
    {"take_from_lost_node: a late word about the former owner's node says nothing of the new one's",
     "config lostnode=1\n" HELD "50 seen 14 c => leader:c\n60 node b lost => - wake=never\n"},
    {"take_from_lost_node: the new owner's node is not the lost one until told so",
     "config lostnode=1\n" HELD "50 node b lost => delete\n55 seen 14 c => leader:c\n60 conflict => - "
     "wake=never\n"},
    {"take_from_lost_node and delete_pod: the Pod first",
     "config lostnode=1 deletepod=1\n" HELD "40 owner b live => -\n50 node b lost => deletepod\n60 ok => "
     "delete\n70 ok => create\n"},
    {"take_from_lost_node: a leader is not concerned",
     "config lostnode=1\n" LEADS "50 node me lost => - wake=never phase=leading\n"},

    {"Our Pod is being deleted: it does not stand, and says so once",
     "0 start => -\n0 own deleting => note:podending\n0 opened fresh => read\n0 missing => - wake=never\n"
     "10 own deleting => -\n"},
    {"Our Pod is being deleted: found its own lock, does not stand",
     "0 start => -\n0 own deleting => note:podending\n0 opened fresh => read\n0 ok 11 me => leader:me "
     "phase=candidate wake=never\n"},
    {"Our Pod turns out to be deleted while a creation is under way: not led by it",
     START "0 missing => create\n5 own deleting => note:podending\n10 ok 11 me => leader:me phase=candidate "
           "wake=never\n"},
    {"Our Pod turns out to be deleted before the creation is sent: not sent",
     "config queue\n0 start => -\n0 own live => -\n0 opened fresh => -\n0 send => read\n0 missing => - "
     "urgency=acquire\n5 own deleting => note:podending\n10 send => -\n"},
    {"A late sighting of our Pod alive is old",
     "0 start => -\n0 own deleting => note:podending\n0 opened fresh => read\n0 missing => -\n10 own live => "
     "-\n20 own unknown => -\n30 own forbidden => error:podsforbidden wake=never\n"},
    {"Being deleted, it leads until it ends",
     LEADS "400 own deleting => note:podending phase=leading\n30000 tick => - phase=leading until=never\n"
           "31000 own terminal => stopped:pod\n"},
    {"Our Pod is gone while leading: LOST", LEADS "400 own absent => note:nopod stopped:pod until=0\n"},
    {"Our Pod is said to have ended while leading: LOST",
     LEADS "400 own terminal => note:podending stopped:pod\n"},
    {"Another Pod of our name is gone: not ours", LEADS "400 own absent x => - phase=leading\n"},
    {"Our Pod may not be read any more: leads on", LEADS "400 own forbidden => error:podsforbidden "
                                                         "phase=leading\n500 gone 12 => create\n"},
    {"Lost with our Pod and handed back: it never stands again",
     LEADS "400 own terminal => note:podending stopped:pod\n500 drained => read\n510 ok 11 me => - "
           "wake=never phase=candidate\n600 gone 12 => - wake=never\n"},
    {"Lost with our Pod during a drain", LEADS "300 stop => stopped:stop\n400 own absent => note:nopod "
                                               "lostdrain:pod closed\n"},
    {"Our Pod is gone while a standby", HELD "400 own absent => note:nopod wake=never\n500 owner b absent => "
                                             "-\n600 gone 12 => - wake=never\n"},
};

int main(void)
{
    return LIFE_RUN("ended", rows);
}
