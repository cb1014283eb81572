/* model/activations.h — arrays of activations out of an arena.
 *
 * Every part has a function _take() that fetches all its arrays. A model calls it twice: on an arena that only counts
 * (base/arena.h) to learn the size, then on the real one, so that plan and use cannot differ. */
#ifndef MODEL_ACTIVATIONS_H
#define MODEL_ACTIVATIONS_H

#include "base/arena.h"
#include "base/memory.h"
#include "base/profile.h"
#include "model/parameters.h"
#include "model/real.h"

/* `count` numbers, not zeroed; NULL from an arena that only counts. */
static inline real *take_reals(struct arena *arena, size_t count)
{
    return arena_take(arena, checked_multiply(count, sizeof(real)));
}

/* For the profile: `count` numbers were read or written `passes` times. */
static inline void profile_passes(double passes, size_t count)
{
    profile_count(0, passes * (double)count * sizeof(real));
}

/* Tells the listener, if there is one, that gradient[first, end) is final. */
static inline void gradient_is_ready(const struct gradient_listener *listener, size_t first, size_t end)
{
    if (listener && end > first)
        listener->ready(listener->context, first, end - first);
}

#endif
