/* io/signal/recipe.c — what is done to a signal: defaults, names, hash; and how many seconds come out. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "io/signal/signal.h"

static const char *const notch_names[] = {
    [NOTCH_NONE] = "none", [NOTCH_DETECT] = "detect", [NOTCH_50] = "50", [NOTCH_60] = "60", [NOTCH_BOTH] = "both",
};

struct signal_recipe signal_recipe_default(void)
{
    return (struct signal_recipe){
        .version = 1,
        .low_hz = 0.1,
        .high_hz = 75,
        .order = 2,
        .notch = NOTCH_DETECT,
        .notch_q = 30,
        .denoise = true,
    };
}

void signal_recipe_hash(const struct signal_recipe *recipe, char text[17])
{
    /* Field by field into eight bytes each: the padding of the struct must not enter. */
    const int64_t whole[] = {recipe->version, recipe->order, recipe->notch, recipe->denoise};
    const double real[] = {recipe->low_hz, recipe->high_hz, recipe->notch_q};
    unsigned char bytes[sizeof whole + sizeof real];

    memcpy(bytes, whole, sizeof whole);
    memcpy(bytes + sizeof whole, real, sizeof real);
    snprintf(text, 17, "%016" PRIx64, (uint64_t)XXH64(bytes, sizeof bytes, 0));
}

const char *notch_mode_name(enum notch_mode mode)
{
    return notch_names[mode];
}

bool notch_mode_from_name(const char *name, enum notch_mode *mode)
{
    for (size_t i = 0; i < sizeof notch_names / sizeof *notch_names; i++) {
        if (strcmp(name, notch_names[i]) == 0) {
            *mode = (enum notch_mode)i;
            return true;
        }
    }
    return false;
}

size_t signal_seconds(uint64_t samples, double rate_hz)
{
    /* A nanosecond of tolerance, so that 5000 samples at 499.99999999999994 Hz are ten seconds. */
    const double tolerance = 1e-9;
    double duration, whole;

    if (!(rate_hz > 0) || !isfinite(rate_hz))
        return 0;
    duration = (double)samples / rate_hz;
    if (duration >= 1e15) /* no such recording; and a size_t must hold the result */
        return 0;
    whole = floor(duration + tolerance);
    return (size_t)whole + (duration - whole >= 0.5 - tolerance ? 1 : 0);
}
