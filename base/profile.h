/* base/profile.h — where the time goes: seconds, operations and bytes by phase, place and part.
 *
 * At any moment the time belongs to one cell (phase, place, part), so all cells add up to the time since
 * profile_start(). The phase is what the program does (forward, reduce, …; numbered by the program), the place is a
 * layer ("backbone.block.3"; named once, when the model is planned), the part a kind of work. profile_enter() takes the
 * time over until profile_leave() gives it back to who had it; between them profile_next() goes on to another part of
 * the same place.
 *
 * Off (the default), a call costs one predictable branch. On, it reads the clock. Nothing is allocated after
 * profile_start(). For the main thread only. */
#ifndef BASE_PROFILE_H
#define BASE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

enum profile_part {
    PROFILE_REST, /* of a phase: what no part claims */
    PROFILE_PATCH_ENCODER,
    PROFILE_TABLES, /* time and lead tables, mask */
    PROFILE_LAYER_NORM,
    PROFILE_QKV,
    PROFILE_HEAD_NORM,
    PROFILE_ATTENTION,
    PROFILE_PROJECTION,
    PROFILE_MLP,
    PROFILE_ACTIVATION,
    PROFILE_RESIDUAL,
    PROFILE_QUANTIZER,
    PROFILE_DECODER, /* input and head; its blocks count as the parts they consist of */
    PROFILE_HEAD,    /* codes or task */
    PROFILE_TARGETS, /* waveforms and wavelets to compare with, masks */
    PROFILE_LOSS,
    PROFILE_REDUCE,
    PROFILE_WAIT, /* for the slowest rank */
    PROFILE_OPTIMISER,
    PROFILE_CODEBOOK,
    N_PROFILE_PARTS
};

/* "patch encoder", "layer norm", … */
const char *profile_part_name(enum profile_part part);

enum { MOST_PROFILE_PHASES = 12, MOST_PROFILE_PLACES = 160, PROFILE_NAME_BYTES = 64 };

struct profile_cell {
    double seconds;
    double operations; /* of products, a multiply and an add are two */
    double bytes;      /* of the arrays that were read and written, each once */
};

/* The number of a place; the same name gives the same number. 0, which has no name, once all are given out. The name is
 * printf-style. Works whether the profile is on or off. */
unsigned profile_place(const char *name_format, ...) __attribute__((format(printf, 1, 2)));
unsigned profile_places(void); /* numbers given out so far, 0 included */
const char *profile_place_name(unsigned place);

/* Zeroes all cells and begins in `phase`. */
void profile_start(unsigned phase);
/* Counts no further; the cells stay. */
void profile_stop(void);
/* What has been counted so far. phase < MOST_PROFILE_PHASES; zero if nothing was ever started. */
struct profile_cell profile_cell(unsigned phase, unsigned place, enum profile_part part);

/* --- what the calls below come to when the profile is on ---------------------------------------------------------- */

extern bool profile_is_on;
void profile_switch_phase(unsigned phase);
void profile_push(unsigned place, enum profile_part part);
void profile_switch_part(enum profile_part part);
void profile_pop(void);
void profile_add(double operations, double bytes);

static inline void profile_phase(unsigned phase)
{
    if (__builtin_expect(profile_is_on, false))
        profile_switch_phase(phase);
}

static inline void profile_enter(unsigned place, enum profile_part part)
{
    if (__builtin_expect(profile_is_on, false))
        profile_push(place, part);
}

static inline void profile_next(enum profile_part part)
{
    if (__builtin_expect(profile_is_on, false))
        profile_switch_part(part);
}

static inline void profile_leave(void)
{
    if (__builtin_expect(profile_is_on, false))
        profile_pop();
}

static inline void profile_count(double operations, double bytes)
{
    if (__builtin_expect(profile_is_on, false))
        profile_add(operations, bytes);
}

#endif
