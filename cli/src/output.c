#include "output.h"

#include "cli.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 1: a write will not wait. */
static int await_reader(struct cli_output *output)
{
    struct pollfd fds[2] = {{.fd = output->fd, .events = POLLOUT},
                            {.fd = output->interrupt_fd, .events = POLLIN}};
    while (poll(fds, 2, output->interrupt_fd < 0 ? 0 : -1) < 0)
        if (errno != EINTR)
            return 0;
    if (fds[0].revents & POLLOUT && !(fds[0].revents & POLLERR))
        return 1;
    output->closed = fds[0].revents != 0 || fds[1].revents != 0;
    return 0;
}

void cli_output_line(struct cli_output *output, const char *text)
{
    size_t size = strlen(text) + 1;
    char *line = malloc(size);
    if (!line)
        return;
    memcpy(line, text, size - 1);
    line[size - 1] = '\n';
    for (size_t done = 0; done < size && !output->closed;) {
        if (!await_reader(output))
            break;
        ssize_t written = write(output->fd, line + done, size - done);
        if (written >= 0)
            done += (size_t)written;
        else if (errno != EINTR && errno != EAGAIN)
            output->closed = 1;
    }
    free(line);
}

char *cli_printable(const char *text)
{
    char *copy = strdup(text);
    for (char *c = copy; c && *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    return copy;
}

void cli_say(const char *format, ...)
{
    char *text = NULL;
    char *line = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    char *printable = text ? cli_printable(text) : NULL;
    if (printable && asprintf(&line, "k8sleader: %s", printable) >= 0) {
        struct cli_output output = {.fd = STDERR_FILENO, .interrupt_fd = -1};
        cli_output_line(&output, line);
        free(line);
    }
    free(printable);
    free(text);
}
