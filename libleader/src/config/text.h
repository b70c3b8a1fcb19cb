/* Text from outside, made fit for a message. */
#ifndef KL_TEXT_H
#define KL_TEXT_H

#include <stddef.h>

/* Room for 100 bytes of text, all of them escaped, and what stands around them. */
#define KL_QUOTE_SIZE 416

/*
 * The text in double quotes, for a message: control characters and what is no UTF-8 as \xNN, cut after some
 * 100 bytes. Returns `out`. Not for secrets.
 */
const char *kl_quote(char out[KL_QUOTE_SIZE], const char *text);

/* Bytes of the UTF-8 character that `text` starts with; 0 when it is none (RFC 3629), or a control character.
 */
size_t kl_utf8_printable(const char *text);

#endif
