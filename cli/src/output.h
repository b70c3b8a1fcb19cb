/* Whole lines to a descriptor, without being held up by whoever reads them. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stddef.h>

struct cli_output {
    int fd;
    /*
     * What may end the wait for a slow reader: readable means a signal came. -1: no wait at all, the line is
     * dropped. That is for `run`, which has a command to kill in time whether or not somebody reads its
     * messages.
     */
    int interrupt_fd;
    int closed; /* nobody reads any more, or the wait was interrupted: nothing is written from then on */
};

/* Writes text and a line feed, with one write() so that lines of several processes do not mix. */
void cli_output_line(struct cli_output *output, const char *text);

/* malloc'd, with control characters made harmless: messages may hold what a server said. NULL without memory.
 */
char *cli_printable(const char *text);

#endif
