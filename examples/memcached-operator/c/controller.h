/* The loop of a term: read everything, mend what differs, wait until something changes. */
#ifndef CONTROLLER_H
#define CONTROLLER_H

#include "term.h"

/* Returns when the term may start nothing more. */
void controller_run(const struct term *term);

#endif
