/* RFC 3339 times as Kubernetes objects carry them. Pure. */
#ifndef KL_TIME_H
#define KL_TIME_H

#include "machine/record.h"

/* "2026-11-22T06:40:00.123456Z" and its NUL. */
#define KL_TIME_TEXT_SIZE 28

/*
 * Reads an RFC 3339 time: any offset, 0 to 9 fractional digits (beyond six are cut), 't'/'z'/blank as RFC
 * 3339 section 5.6 allows. NULL or "" is KL_STAMP_NONE. Text that is no such time gives a stamp that stands
 * for it: the same text the same stamp, and one that no readable time has (below -2^62), so that a change is
 * still seen as a change.
 */
kl_stamp kl_time_parse(const char *text);

/* 1 when the stamp is a real time, of the years 0 to 9999; 0 when it stands for none or for text. */
int kl_time_is_real(kl_stamp stamp);

/* Writes exactly six fractional digits and Z (metav1.MicroTime). For a stamp that is no real time: "". */
void kl_time_format(kl_stamp stamp, char text[KL_TIME_TEXT_SIZE]);

#endif
