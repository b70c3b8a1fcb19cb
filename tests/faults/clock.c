/*
 * A wall clock that can be set for one process alone: preloaded (LD_PRELOAD), it answers for the C library's.
 * The file that K8SLEADER_FAULTS_CLOCK names holds by how many nanoseconds it is off, an int64_t. Whoever
 * writes there has set the clock: like settimeofday(), it moves the wall clock and no other.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND   INT64_C(1000000000)
#define EXPORTED __attribute__((visibility("default")))

static _Atomic int64_t *offset;

__attribute__((constructor)) static void map_offset(void)
{
    const char *path = getenv("K8SLEADER_FAULTS_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) {
        perror("the clock of K8SLEADER_FAULTS_CLOCK"); /* else a test would believe it had been set */
        _exit(1);
    }
    (void)close(fd);
    offset = mapped;
}

static int64_t wall_ns(void)
{
    struct timespec now;
    (void)syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * SECOND + now.tv_nsec + (offset ? atomic_load(offset) : 0);
}

EXPORTED int clock_gettime(clockid_t clock, struct timespec *at)
{
    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
        return (int)syscall(SYS_clock_gettime, clock, at);
    int64_t now = wall_ns();
    *at = (struct timespec){.tv_sec = (time_t)(now / SECOND), .tv_nsec = (long)(now % SECOND)};
    return 0;
}

EXPORTED int timespec_get(struct timespec *at, int base)
{
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, at) == 0 ? base : 0;
}

EXPORTED int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    int64_t now = wall_ns();
    (void)zone;
    *at = (struct timeval){.tv_sec = (time_t)(now / SECOND), .tv_usec = (suseconds_t)(now % SECOND / 1000)};
    return 0;
}

EXPORTED time_t time(time_t *at)
{
    time_t now = (time_t)(wall_ns() / SECOND);
    if (at)
        *at = now;
    return now;
}
