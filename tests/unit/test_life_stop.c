/* Stops, drains, ends: the lock is the Pod's for life, so nothing is given back. */
#include "life_script.h"

static const struct script_row rows[] = {
    {"A leader's stop is a drain: the lock is held on to, then closed without a write", LEADS
     "500 stop => stopped:stop phase=draining wake=60500 until=never\n600 drained 11 => closed wake=never\n"},
    {"Drained with another term's token: not drained",
     LEADS "500 stop => stopped:stop\n600 drained 10 => - phase=draining\n"},
    {"A second stop changes nothing", LEADS "500 stop => stopped:stop\n600 stop => - wake=60500\n"},
    {"Drained without a stop: nothing", LEADS "500 drained 11 => - phase=leading\n"},
    {"The drain is bounded",
     "config drain=5000\n" LEADS "500 stop => stopped:stop\nwake tick => lostdrain:draintimeout closed\n"},
    {"What comes with the bound comes too late",
     "config drain=5000\n" LEADS "500 stop => stopped:stop\n5500 drained => lostdrain:draintimeout closed\n"},
    {"A candidate's stop closes at once", HELD "500 stop => closed wake=never\n"},
    {"Stopped before it knows anything", "0 start => -\n10 stop => closed wake=never\n"},
    {"Stopped with a read under way: its answer is no matter", START "10 stop => closed\n20 ok 11 me => -\n"},
    {"Stopped with a creation under way: it does not lead by it",
     START "10 missing => create\n20 stop => closed\n30 ok 11 me => - phase=closed\n"},
    {"Stopped after a loss: closed, there is nothing more to come",
     LEADS "500 seen 12 c => stopped:holder leader:c\n510 stop => closed\n520 drained 11 => -\n"},
    {"Abandoned while leading: closed without a write", LEADS "500 abandon => closed wake=never\n"},
    {"Abandoned while draining", LEADS "500 stop => stopped:stop\n510 abandon => closed\n"},
    {"Abandoned as a candidate", HELD "500 abandon => closed\n"},
    {"Abandoned after a loss", LEADS "500 seen 12 c => stopped:holder leader:c\n510 abandon => closed\n"},
    {"Nothing is said after the end", HELD
     "500 stop => closed\n510 seen 12 me => -\n520 gone 13 => - observed=nobody\n530 owner b terminal => -\n"
     "540 own absent => -\n550 opened fresh => -\n560 unwatchable => -\n570 watchfail forbidden => -\n"
     "580 stop => -\n590 abandon => -\n600 tick => - wake=never\n"},
    {"A lost term's work must end before it stands again",
     LEADS "500 seen 12 c => stopped:holder leader:c\n510 gone 13 => -\n520 owner c absent => - phase=lost\n"
           "900 drained 11 => read\n"},
    {"Handed back when it is free: created, with a new token",
     LEADS "500 seen 12 c => stopped:holder leader:c\n510 gone 13 => -\n520 owner c absent => -\n"
           "900 drained => read\n910 missing => create\n920 ok 15 me => started:15 leader:me\n"},
    {"A loss with a read under way: its answer counts",
     LEADS "400 opened fresh => read\n500 seen 12 c => stopped:holder leader:c\n510 ok 12 c => - wake=never\n"
           "600 drained => read\n"},
};

int main(void)
{
    return LIFE_RUN("stop", rows);
}
