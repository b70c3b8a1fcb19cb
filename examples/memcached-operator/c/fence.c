#include "fence.h"

#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum fence fence_look(const char *what, const char *stamped, uint64_t token)
{
    size_t length = strlen(stamped);
    if (length == 0)
        return FENCE_OLDER;
    errno = 0;
    uint64_t found = strtoull(stamped, NULL, 10);
    if (strspn(stamped, "0123456789") != length || errno != 0) {
        log_problem("%s: the fencing token on it, \"%.40s\", is no number: left alone; when no other "
                    "operator writes to it, "
                    "remove it",
                    what, stamped);
        return FENCE_NEWER;
    }
    if (found > token) {
        /* The other way to get here is an etcd that was restored from a backup, since which versions count
         * from lower. */
        log_problem("%s: written with the fencing token %" PRIu64 ", ours is %" PRIu64
                    ": a newer leader is at work, it is left alone",
                    what, found, token);
        return FENCE_NEWER;
    }
    return found == token ? FENCE_OURS : FENCE_OLDER;
}
