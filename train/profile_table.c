#include "train/profile_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "model/kernels/product_rate.h"

enum { ANY = -1, MOST_RATE_TOKENS = 4096 };

/* Which cells a line adds up. */
struct line {
    int phase, place, part; /* ANY: all of them */
};

struct table {
    const struct world *world;
    double steps, rate; /* of products, mean over ranks */
    size_t n_lines;
    struct line *lines;
    double *seconds; /* [ranks, n_lines] */
    double *work;    /* [n_lines, 2]: operations, bytes; of all ranks */
};

double profile_begin(const struct run *run)
{
    const struct trunk_config *trunk = run->stage->trunk;
    size_t tokens = run->bounds.tokens < MOST_RATE_TOKENS ? run->bounds.tokens : MOST_RATE_TOKENS;
    double rate;

    comm_barrier(run->world);
    rate = product_rate(tokens, trunk->width, trunk->mlp, 0.2);
    comm_barrier(run->world);
    profile_start(PHASE_BETWEEN);
    return rate;
}

static bool is_chosen(int wanted, unsigned have)
{
    return wanted == ANY || (unsigned)wanted == have;
}

/* Own figures of a line. */
static struct profile_cell add_up(const struct line *line)
{
    struct profile_cell sum = {0};

    for (unsigned phase = 0; phase <= PHASE_BETWEEN; phase++)
        for (unsigned place = 0; place < profile_places(); place++)
            for (unsigned part = 0; part < N_PROFILE_PARTS; part++)
                if (is_chosen(line->phase, phase) && is_chosen(line->place, place) && is_chosen(line->part, part)) {
                    struct profile_cell cell = profile_cell(phase, place, (enum profile_part)part);

                    sum.seconds += cell.seconds;
                    sum.operations += cell.operations;
                    sum.bytes += cell.bytes;
                }
    return sum;
}

/* Every phase with its parts and the step as a whole, then every layer forward and backward. */
static void choose_lines(struct table *table)
{
    size_t most = (N_PHASES + 1) * (N_PROFILE_PARTS + 1) + 1 + 2 * (size_t)profile_places();

    table->lines = NEW_ARRAY(struct line, most);
    for (int phase = 0; phase <= PHASE_BETWEEN; phase++) {
        for (int part = 0; part < N_PROFILE_PARTS; part++)
            table->lines[table->n_lines++] = (struct line){phase, ANY, part};
        table->lines[table->n_lines++] = (struct line){phase, ANY, ANY};
    }
    table->lines[table->n_lines++] = (struct line){ANY, ANY, ANY};
    for (int place = 1; place < (int)profile_places(); place++)
        for (int phase = PHASE_FORWARD; phase <= PHASE_BACKWARD; phase++)
            table->lines[table->n_lines++] = (struct line){phase, place, ANY};
}

static void gather(struct table *table)
{
    size_t lines = table->n_lines, ranks = (size_t)table->world->size;
    double *own = NEW_ARRAY(double, lines);

    table->seconds = NEW_ARRAY(double, checked_multiply(ranks, lines));
    table->work = NEW_ARRAY(double, 2 * lines);
    for (size_t i = 0; i < lines; i++) {
        struct profile_cell sum = add_up(&table->lines[i]);

        own[i] = sum.seconds;
        table->work[2 * i] = sum.operations;
        table->work[2 * i + 1] = sum.bytes;
    }
    comm_gather_double(table->world, own, table->seconds, lines);
    comm_sum_double(table->world, table->work, 2 * lines);
    free(own);
}

static const char *phase_name(int phase)
{
    return phase == ANY ? "step" : phase == PHASE_BETWEEN ? "between" : phase_names[phase];
}

/* "12.3", or "-" where nothing was counted. */
static const char *figure(char text[16], double value)
{
    snprintf(text, 16, value > 0 ? "%.*f" : "-", value < 10 ? 2 : value < 1000 ? 1 : 0, value);
    return text;
}

/* One line; none if no rank spent time there. */
static void print_line(const struct table *table, size_t index)
{
    const struct line *line = &table->lines[index];
    size_t ranks = (size_t)table->world->size, slowest = 0;
    double least = table->seconds[index], most = least, sum = 0;
    double operations = table->work[2 * index], bytes = table->work[2 * index + 1];
    char giga[16], share[16], gigabytes[16], bandwidth[16];

    for (size_t rank = 0; rank < ranks; rank++) {
        double seconds = table->seconds[rank * table->n_lines + index];

        sum += seconds;
        least = seconds < least ? seconds : least;
        if (seconds > most) {
            most = seconds;
            slowest = rank;
        }
    }
    if (!(sum > 0))
        return;
    double to_ms = 1e3 / table->steps, each = (double)ranks * table->steps;
    log_info("%-10s %-28s %9.3f %9.3f %9.3f %5zu %9s %6s %8s %6s", phase_name(line->phase),
             line->place != ANY  ? profile_place_name((unsigned)line->place)
             : line->part != ANY ? profile_part_name((enum profile_part)line->part)
                                 : "all",
             least * to_ms, sum / (double)ranks * to_ms, most * to_ms, slowest, figure(giga, operations / each * 1e-9),
             figure(share, operations / sum / table->rate), figure(gigabytes, bytes / each * 1e-9),
             figure(bandwidth, bytes / sum * 1e-9));
}

static void print_head(const char *what)
{
    log_info("%-10s %-28s %9s %9s %9s %5s %9s %6s %8s %6s", "phase", what, "min ms", "mean ms", "max ms", "@rank",
             "GFLOP", "rate", "GB", "GB/s");
}

static void print(const struct table *table, const double *rates, uint64_t steps)
{
    size_t by_part = (N_PHASES + 1) * (N_PROFILE_PARTS + 1) + 1;
    double least = rates[0], most = rates[0];

    for (int rank = 1; rank < table->world->size; rank++) {
        least = rates[rank] < least ? rates[rank] : least;
        most = rates[rank] > most ? rates[rank] : most;
    }
    log_info("profile of %" PRIu64 " steps on %d ranks; figures are those of one step and rank. Products alone run at "
             "%.1f GFLOP/s a rank (%.1f to %.1f); rate: share of that",
             steps, table->world->size, table->rate * 1e-9, least * 1e-9, most * 1e-9);
    print_head("part");
    for (size_t i = 0; i < by_part; i++)
        print_line(table, i);
    print_head("layer");
    for (size_t i = by_part; i < table->n_lines; i++)
        print_line(table, i);
}

void profile_print(const struct run *run, uint64_t steps, double rate)
{
    struct table table = {.world = run->world, .steps = (double)steps};
    double *rates = NEW_ARRAY(double, (size_t)run->world->size);

    profile_stop();
    comm_gather_double(run->world, &rate, rates, 1);
    for (int rank = 0; rank < run->world->size; rank++)
        table.rate += rates[rank] / run->world->size;
    choose_lines(&table);
    gather(&table);
    print(&table, rates, steps);
    free(rates);
    free(table.lines);
    free(table.seconds);
    free(table.work);
}
