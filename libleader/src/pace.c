#include "pace.h"

static int window_is_over(const struct kl_pace *pace, int64_t now)
{
    return now - pace->window >= KL_PACE_WINDOW;
}

void kl_pace_learn(struct kl_pace *pace, int reached)
{
    pace->out_of_reach = !reached;
}

int64_t kl_pace_next(const struct kl_pace *pace, int64_t now)
{
    if (!pace->out_of_reach || pace->tries < KL_PACE_TRIES || window_is_over(pace, now))
        return now;
    return pace->window + KL_PACE_WINDOW;
}

void kl_pace_try(struct kl_pace *pace, int64_t now)
{
    if (window_is_over(pace, now)) {
        pace->window = now;
        pace->tries = 0;
    }
    pace->tries++;
}
