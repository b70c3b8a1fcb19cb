/* Nothing before it, and twice: the header needs nothing else and guards itself. */
#include "k8sleader.h"
#include "k8sleader.h" /* NOLINT(readability-duplicate-include) */

/* The handles are opaque, the codes are constants of the preprocessor's and the compiler's. */
#if K8SLEADER_VERSION_MAJOR < 0
#error "the version is no number"
#endif

extern int fits_in_a_switch(int code);

int fits_in_a_switch(int code)
{
    switch (code) {
    case K8SLEADER_OK:
        return K8SLEADER_EVENT_CLOSED;
    case K8SLEADER_ERR_FORBIDDEN:
        return K8SLEADER_REASON_STOP;
    default:
        return k8sleader_error_name(code)[0];
    }
}
