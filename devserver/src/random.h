#ifndef DS_RANDOM_H
#define DS_RANDOM_H

#include <stdint.h>

enum { DS_UUID_SIZE = 37, DS_TOKEN_SIZE = 33 };

void ds_random_uuid(char out[DS_UUID_SIZE]);   /* version 4 */
void ds_random_suffix(char out[6]);            /* of a generated name */
void ds_random_token(char out[DS_TOKEN_SIZE]); /* of 128 bits */
uint64_t ds_random_below(uint64_t bound);

#endif
