#include "base/profile.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/progress.h"

enum { MOST_NESTED = 16 };

bool profile_is_on;

static char place_names[MOST_PROFILE_PLACES][PROFILE_NAME_BYTES];
static unsigned n_places = 1; /* 0: nowhere in particular */

/* Made by the first profile_start(), kept to the end of the process. */
static struct profile_cell (*cells)[MOST_PROFILE_PLACES][N_PROFILE_PARTS]; /* [MOST_PROFILE_PHASES] */

static struct {
    double since; /* when the present cell took over */
    unsigned phase, depth;
    struct {
        unsigned place;
        enum profile_part part;
    } nested[MOST_NESTED]; /* [depth] is the present one */
} state;

const char *profile_part_name(enum profile_part part)
{
    static const char *const names[N_PROFILE_PARTS] = {
        [PROFILE_REST] = "rest",
        [PROFILE_PATCH_ENCODER] = "patch encoder",
        [PROFILE_TABLES] = "tables",
        [PROFILE_LAYER_NORM] = "layer norm",
        [PROFILE_QKV] = "qkv",
        [PROFILE_HEAD_NORM] = "q and k norm",
        [PROFILE_ATTENTION] = "attention",
        [PROFILE_PROJECTION] = "projection",
        [PROFILE_MLP] = "mlp",
        [PROFILE_ACTIVATION] = "activation",
        [PROFILE_RESIDUAL] = "residual",
        [PROFILE_QUANTIZER] = "quantizer",
        [PROFILE_DECODER] = "decoder",
        [PROFILE_HEAD] = "head",
        [PROFILE_TARGETS] = "targets",
        [PROFILE_LOSS] = "loss",
        [PROFILE_REDUCE] = "sum over ranks",
        [PROFILE_WAIT] = "wait for ranks",
        [PROFILE_OPTIMISER] = "AdamW",
        [PROFILE_CODEBOOK] = "codebook",
    };

    return names[part];
}

unsigned profile_place(const char *name_format, ...)
{
    char name[PROFILE_NAME_BYTES];
    va_list arguments;

    va_start(arguments, name_format);
    vsnprintf(name, sizeof name, name_format, arguments);
    va_end(arguments);
    for (unsigned place = 1; place < n_places; place++)
        if (strcmp(place_names[place], name) == 0)
            return place;
    if (n_places == MOST_PROFILE_PLACES)
        return 0;
    memcpy(place_names[n_places], name, sizeof name);
    return n_places++;
}

unsigned profile_places(void)
{
    return n_places;
}

const char *profile_place_name(unsigned place)
{
    return place_names[place];
}

/* Time since the last change goes to the present cell. */
static void settle(void)
{
    struct profile_cell *cell = &cells[state.phase][state.nested[state.depth].place][state.nested[state.depth].part];
    double now = clock_seconds();

    cell->seconds += now - state.since;
    state.since = now;
}

void profile_start(unsigned phase)
{
    size_t bytes = MOST_PROFILE_PHASES * sizeof *cells;

    assert(phase < MOST_PROFILE_PHASES);
    if (cells == NULL)
        cells = xmalloc(bytes);
    memset(cells, 0, bytes); /* touched now, so that no page is fetched while something is measured */
    memset(&state, 0, sizeof state);
    state.phase = phase;
    state.since = clock_seconds();
    profile_is_on = true;
}

void profile_stop(void)
{
    if (profile_is_on)
        settle();
    profile_is_on = false;
}

struct profile_cell profile_cell(unsigned phase, unsigned place, enum profile_part part)
{
    return cells != NULL ? cells[phase][place][part] : (struct profile_cell){0};
}

void profile_switch_phase(unsigned phase)
{
    assert(phase < MOST_PROFILE_PHASES);
    settle();
    state.phase = phase;
}

void profile_push(unsigned place, enum profile_part part)
{
    assert(state.depth + 1 < MOST_NESTED);
    settle();
    state.depth++;
    state.nested[state.depth].place = place;
    state.nested[state.depth].part = part;
}

void profile_switch_part(enum profile_part part)
{
    settle();
    state.nested[state.depth].part = part;
}

void profile_pop(void)
{
    assert(state.depth > 0);
    settle();
    state.depth--;
}

void profile_add(double operations, double bytes)
{
    struct profile_cell *cell = &cells[state.phase][state.nested[state.depth].place][state.nested[state.depth].part];

    cell->operations += operations;
    cell->bytes += bytes;
}
