/* Who comes to lead: the first, the same Pod again after its container's restart, and nobody else. */
#include "life_script.h"

static const struct script_row rows[] = {
    {"No lock, and none was seen: created at once",
     START "0 missing => create\n5 ok 11 me => started:11 "
           "leader:me observed=nobody wake=never until=never\n"},
    {"The creation's resourceVersion is the token", START "0 missing => create\n5 ok 4711 me => started:4711 "
                                                          "leader:me known=1\n"},
    {"Nothing is written before our Pod is known to live",
     "0 start => -\n0 opened fresh => read\n0 missing => - wake=never\n10 own unknown => -\n20 own live => "
     "create\n"},
    {"Nothing is written before the lock is known: the watch does not come up, it reads all the same",
     "0 start => - wake=2000\n0 own live => - wake=2000\nwake tick => read\n2010 missing => create\n"},
    {"Our Pod may not be read, but POD_UID says which it is: it stands",
     "0 start => -\n0 opened fresh => read\n0 missing => -\n10 own forbidden => error:podsforbidden "
     "create\n"},
    {"Another's lock: a standby waits, and asks nothing",
     HELD "1000 tick => - wake=never\n99000 tick => - wake=never leader=b\n"},
    {"A standby learns of each leader once",
     HELD "10 seen 12 b => -\n20 seen 13 c => leader:c observed=c\n30 seen 14 c => -\n"},
    {"A standby is no leader", HELD "0 tick => - phase=candidate until=0\n"},

    {"Restarted container, same Pod: found by UID, and goes on with the same token",
     START "0 ok 11 me => started:11 leader:me wake=never\n"},
    {"Restarted, and our Pod is told of only later: read again, then it leads",
     "0 start => -\n0 opened fresh => read\n5 ok 11 me => leader:me wake=never\n10 own live => read\n"
     "15 ok 11 me => started:11\n"},
    {"Restarted, and our Pod is told of while the read is under way",
     "0 start => -\n0 opened fresh => read\n5 own live => -\n10 ok 11 me => started:11 leader:me "
     "wake=never\n"},
    {"Restarted, and the watch shows the lock before the read's answer: no second read",
     START "3 seen 11 me => leader:me\n5 ok 11 me => started:11 wake=never\n"},
    {"What only the watch shows as ours is asked for first",
     HELD "10 seen 12 me => leader:me read\n15 ok 12 me => started:12\n"},
    {"A late \"ours\" that was deleted since does not make it lead",
     START "5 missing => create\n6 notsent => error:notsent wake=31..56\n10 seen 11 me => leader:me\n"
           "wake tick => read\n60 missing => create\n"},
    {"A late \"ours\" that was deleted since, and made by another",
     HELD "10 seen 12 me => leader:me read\n15 ok 14 c => leader:c phase=candidate wake=never\n"},
    {"\"Ours\" was read, but its deletion was seen before the answer: it does not lead",
     START "3 gone 12 => -\n5 ok 11 me => create phase=candidate\n"},
    {"Same name, another UID: not the owner", START "0 ok 10 me/old => leader:me observed=old wake=never\n"},
    {"Same name, another UID: waits for the garbage collector, then is the leader",
     START "0 ok 10 me/old => leader:me\n10 owner me/old absent => - wake=never\n99000 gone 12 => create\n"
           "99010 ok 13 me => started:13 leader:me\n"},

    {"Without POD_UID the first sighting of the Pod tells it",
     "config uid=\n0 start => -\n0 opened fresh => read\n0 missing => - wake=never\n10 own live u7 => "
     "create\n"
     "20 ok 11 me/u7 => started:11 leader:me\n"},
    {"Without POD_UID, and the lock turns out to be ours",
     "config uid=\n0 start => -\n0 opened fresh => read\n0 ok 11 me/u7 => leader:me observed=u7\n"
     "10 own live u7 => read observed=nobody\n15 ok 11 me/u7 => started:11\n"},
    {"Without POD_UID a later Pod of our name is not us",
     "config uid=\n0 start => -\n0 opened fresh => read\n0 missing => -\n10 own live u7 => create\n"
     "20 ok 11 me/u7 => started:11 leader:me\n30 own deleting u8 => -\n40 own absent u8 => - "
     "phase=leading\n"},
    {"Without POD_UID and forbidden to read Pods: it can't stand, and says so",
     "config uid=\n0 start => -\n0 opened fresh => read\n0 missing => -\n"
     "10 own forbidden => error:podsforbidden note:nopod wake=never\n20 own forbidden => -\n"
     "30 own live u7 => create\n"},
    {"Without POD_UID and no such Pod: said once; it may come",
     "config uid=\n0 start => -\n0 opened fresh => read\n0 missing => -\n10 own absent => note:nopod\n"
     "20 own absent => -\n30 own live u7 => create\n"},

    {"The creation's answer is late, and the watch shows it first: it leads by the answer, without a read",
     START "0 missing => create\n5 seen 11 me => leader:me phase=candidate\n10 ok 11 me => started:11 "
           "wake=never\n"},
    {"The creation's answer is late, and the watch shows its deletion, too: created again",
     START "0 missing => create\n5 seen 11 me => leader:me\n6 gone 12 => -\n10 ok 11 me => create\n"},
    {"The creation's answer is late, and the watch shows another's lock: it does not lead",
     START "0 missing => create\n5 seen 13 c => leader:c\n10 ok 11 me => - phase=candidate wake=never\n"},
    {"The creation has no certain end, a read finds it: it leads",
     START "0 missing => create\n100 timeout => error:timeout wake=125..150\nwake tick => read\n"
           "200 ok 11 me => started:11 leader:me\n"},
    {"The creation has no certain end, and was not made: created again",
     START "0 missing => create\n100 broken => error:broken wake=125..150\nwake tick => read\n"
           "200 missing => create\n"},
    {"The creation has no certain end, and another made it",
     START "0 missing => create\n100 error500 => error:error500 wake=125..150\nwake tick => read\n"
           "200 ok 12 c => leader:c wake=never\n"},
    {"A creation that the server owns up to, but older than what is known: read before another try",
     HELD "10 gone 12 => -\n10 owner b absent => create\n20 ok 9 me => - wake=2020\nwake tick => read\n"
          "2080 ok 9 me => started:9 leader:me\n"},
    {"A creation that makes it another's (a webhook): not ours",
     START "0 missing => create\n10 ok 11 c => leader:c phase=candidate wake=never\n"},

    {"Versions without numbers: it leads, without a token",
     START "0 missing => create\n5 ok \"a me => started:0 leader:me known=0 wake=never\n"},
    {"Versions without numbers: the watch only hints that a read is due",
     START "0 ok \"a b => leader:b\n10 seen \"b me => read\n20 ok \"b me => started:0 leader:me\n"},
    {"Versions without numbers: the watch shows what is known",
     START "0 missing => create\n5 ok \"a me => started:0 leader:me\n10 seen \"a me => - wake=never\n"},
    {"Versions without numbers: a deletion is read first",
     START "0 ok \"a b => leader:b\n10 owner b absent => -\n20 gone \"b => read\n30 missing => create\n"},
    {"Versions without numbers: a read that the watch overtook is asked again",
     START "5 seen \"b me => -\n10 ok \"a c => read\n20 ok \"b me => started:0 leader:me\n"},

    {"An observation not newer is dropped", START "0 ok 10 b => leader:b\n10 seen 9 c => -\n20 gone 8 => -\n"
                                                  "30 seen 10 c => - leader=b\n"},
    {"A read that shows something older is the truth: the server came from a backup",
     START "0 ok 10 b => leader:b\n10 opened fresh => read\n20 ok 5 c => leader:c leader=c\n"},

    {"The watch is opened anew while a read is under way: read again, for its answer may be older",
     HELD "10 opened fresh => read\n15 opened fresh => -\n20 ok 10 b => read\n25 missing => - leader=\n"},
    {"The watch is opened anew while a creation is under way: read again",
     LEADS "500 gone 12 => create\n505 seen 13 me => -\n507 opened fresh => -\n510 ok 13 me => - wake=560\n"
           "wake tick => read\n570 missing => create\n"},
    {"Read as absent, while the watch showed it: read again, for nothing may show the deletion",
     HELD "10 opened fresh => read\n15 seen 12 b => -\n20 missing => read\n25 missing => - leader=\n"
          "30 owner b absent => create\n"},
    {"Read as absent, while the watch showed it, and rightly so",
     HELD "10 opened fresh => read\n15 seen 12 c => leader:c\n20 missing => read\n25 ok 12 c => - "
          "wake=never leader=c\n"},

    {"Outside a cluster: leads at once, and asks no server",
     "config skipped=1\n0 start => started:0 wake=never known=1 until=never\n10 tick => - wake=never\n"},
    {"Outside a cluster: stops like any other",
     "config skipped=1 drain=5000\n0 start => started:0\n10 stop => stopped:stop wake=5010\n20 drained => "
     "closed\n"},
    {"Outside a cluster: the drain is bounded",
     "config skipped=1 drain=5000\n0 start => started:0\n10 stop => stopped:stop\nwake tick => "
     "lostdrain:draintimeout closed\n"},
};

int main(void)
{
    return LIFE_RUN("acquire", rows);
}
