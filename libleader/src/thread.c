#include "thread.h"

#include "k8sleader.h"

#include <signal.h>

int kl_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *user)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, NULL, run, user);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return K8SLEADER_ERR_NO_MEMORY;
    (void)pthread_setname_np(*thread, name);
    return K8SLEADER_OK;
}
