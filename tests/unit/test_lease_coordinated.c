/* strategy or preferredHolder set: not ours to stand for. */
#include "lease_script.h"

#define START "0 start => -\n0 opened fresh => read\n"
#define HELD  START "0 ok 10 b 100 tr=4 => leader:b wake=15000\n"
#define LEADS                                                                                                \
    START "0 ok 10 - 100 tr=4 => update/acquire\n"                                                           \
          "0 ok 11 w1 => started:11 leader:me until=10000 wake=2000\n"

static const struct script_row rows[] = {
    {"A coordinated lease: we do not stand, and say so once",
     START "0 ok 10 - 100 coord => note:coordinated wake=never\n500 seen 11 - 101 coord => - wake=never\n"},
    {"A holder steps down", LEADS "500 seen 12 w1 coord => note:coordinated stopped:coordinated "
                                  "phase=lost\n600 drained => - phase=candidate wake=never\n"},
    {"The holder set to us in a coordinated lease is not leadership",
     HELD "500 seen 11 me 7 coord => note:coordinated leader:me phase=candidate wake=never\n"},
    {"Coordinated no more: it stands again",
     HELD "500 seen 11 b 101 tr=4 coord => note:coordinated\n600 seen 12 - 102 => update/acquire base=12\n"},
    {"A term that a coordinated lease ended is not resumed, but taken over",
     LEADS "500 seen 12 w1 coord => note:coordinated stopped:coordinated\n600 drained => -\n"
           "700 seen 13 w1 => update/acquire tr=6 base=13\n710 ok 14 w2 => started:14 leader:me\n"},
    {"Nor is one whose creation is still unanswered",
     START "0 missing => create/acquire\n5 seen 11 w1 => started:11 leader:me\n"
           "10 seen 12 w1 coord => note:coordinated stopped:coordinated\n15 drained => -\n"
           "20 seen 13 w1 => -\n30 ok 11 w1 => update/acquire tr=1 base=13\n"},
    {"A lost acquisition found in a lease coordinated meanwhile is not led by",
     START "0 ok 10 - 100 => update/acquire\n100 seen 12 w1 coord => note:coordinated leader:me\n110 ok 11 "
           "w1 => - phase=candidate\n"},
};

int main(void)
{
    return LEASE_RUN("coordinated", rows);
}
