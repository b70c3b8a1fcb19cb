/* What the command line and the environment say. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <k8sleader.h>
#include <stdint.h>

struct settings {
    const char *mode_name;
    const char *namespace_;
    k8sleader_options *options;
};

/* 0, or -1 after a line on stderr. To be given to settings_clear(). */
int settings_read(struct settings *settings, int argc, char **argv);
void settings_clear(struct settings *settings);

#endif
