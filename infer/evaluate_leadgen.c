/* Evaluation of lead generation: one precordial lead from the other eleven, all six from I and II, one limb lead from
 * the other eleven (algebra: counts for nothing), beside the simple methods of lead_baselines.h on the same records. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/progress.h"
#include "infer/evaluate.h"
#include "infer/lead_baselines.h"
#include "metrics/metrics.h"

enum { N_SETTINGS = 3, TARGETS = 6, METHODS = 1 + N_BASELINES, FIGURES = 4 };
enum figure { FIGURE_MAE_MV, FIGURE_R, FIGURE_PSNR, FIGURE_SSIM };
enum { ALL_LEADS = (1 << STANDARD_LEADS) - 1 };

static const struct setting {
    const char *key, *title;
    unsigned fixed_inputs; /* 0: all leads but the target */
    enum lead first_target;
} settings[N_SETTINGS] = {
    {"one_precordial", "(a) each of V1 to V6 from the other eleven leads", 0, LEAD_V1},
    {"all_precordial", "(b) V1 to V6 from I and II", 1 << LEAD_I | 1 << LEAD_II, LEAD_V1},
    {"one_limb", "(c) each limb lead from the other eleven (algebra; shows nothing)", 0, LEAD_I},
};

/* Figures of one record; method 0 is the model. */
struct record_figures {
    double usable;
    double value[N_SETTINGS][METHODS][TARGETS][FIGURES];
};
enum { RECORD_DOUBLES = sizeof(struct record_figures) / sizeof(double) };

static void note(double figures[FIGURES], const float *truth, const float *made)
{
    struct lead_quality q = metric_lead_quality(truth, made, BASELINE_SAMPLES);
    figures[FIGURE_MAE_MV] = q.mae_mv;
    figures[FIGURE_R] = isfinite(q.pearson) ? q.pearson : 0; /* a constant output follows nothing */
    figures[FIGURE_PSNR] = q.psnr_db;
    figures[FIGURE_SSIM] = q.ssim;
}

static void choose_inputs(const struct stream_info *info, unsigned inputs, struct lead_choice *choice)
{
    *choice = (struct lead_choice){0};
    for (size_t i = 0; i < info->n_leads; i++)
        if (inputs >> info->lead[i] & 1) {
            choice->lead[choice->n_leads] = info->lead[i];
            choice->column[choice->n_leads++] = (int)i;
        }
}

/* The model's leads of one setting; made: [6, 3000]. */
static enum status make_by_model(struct anyecg *model, const struct setting *setting, float *made)
{
    enum lead targets[TARGETS];
    struct lead_choice choice;
    const float *out;
    enum status status;

    for (unsigned t = 0; t < TARGETS; t++)
        targets[t] = setting->first_target + t;
    if (setting->fixed_inputs) {
        choose_inputs(stream_info(model->stream), setting->fixed_inputs, &choice);
        status = session_make_leads(model, &choice, targets, TARGETS, BASELINE_SECONDS, &out);
        if (status == STATUS_OK)
            memcpy(made, out, TARGETS * BASELINE_SAMPLES * sizeof *made);
        return status;
    }
    for (unsigned t = 0; t < TARGETS; t++) {
        choose_inputs(stream_info(model->stream), ALL_LEADS & ~(1u << targets[t]), &choice);
        status = session_make_leads(model, &choice, targets + t, 1, BASELINE_SECONDS, &out);
        if (status != STATUS_OK)
            return status;
        memcpy(made + t * BASELINE_SAMPLES, out, BASELINE_SAMPLES * sizeof *made);
    }
    return STATUS_OK;
}

static enum status measure_record(struct evaluation *evaluation, struct lead_baselines *baselines, size_t record,
                                  float *mv, float *made, struct record_figures *figures)
{
    enum status status;
    bool usable;
    struct stream *stream = evaluation->model->stream;

    TRY(lead_baselines_read(evaluation->reader, evaluation->corpus, record, mv, &usable));
    if (!usable)
        return STATUS_OK;
    TRY(stream_open_record(stream, evaluation->reader, evaluation->corpus, record));
    for (size_t s = 0; s < N_SETTINGS; s++) {
        TRY(make_by_model(evaluation->model, &settings[s], made));
        for (size_t t = 0; t < TARGETS; t++) {
            enum lead target = settings[s].first_target + (enum lead)t;
            const float *truth = mv + (size_t)target * BASELINE_SAMPLES;
            unsigned inputs = settings[s].fixed_inputs ? settings[s].fixed_inputs : ALL_LEADS & ~(1u << target);
            note(figures->value[s][0][t], truth, made + t * BASELINE_SAMPLES);
            for (size_t m = 0; m < N_BASELINES; m++) {
                float *simple = made + TARGETS * BASELINE_SAMPLES;
                lead_baselines_make(baselines, (enum lead_baseline)m, inputs, target, mv, simple);
                note(figures->value[s][1 + m][t], truth, simple);
            }
        }
    }
    figures->usable = 1;
    stream_close(stream);
    return STATUS_OK;
fail:
    stream_close(stream);
    return status;
}

/* --- summary ----------------------------------------------------------------------------------------------------- */

struct summary {
    const struct record_figures *figures;
    size_t setting, method, figure, compared; /* compared: METHODS for none, else the method subtracted */
};

static double mean_over(const struct record_figures *f, size_t setting, size_t method, size_t figure)
{
    double sum = 0;
    for (size_t t = 0; t < TARGETS; t++)
        sum += f->value[setting][method][t][figure];
    return sum / TARGETS;
}

static double mean_statistic(void *context, const size_t *items, size_t n)
{
    const struct summary *s = context;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const struct record_figures *f = &s->figures[items[i]];
        sum += mean_over(f, s->setting, s->method, s->figure);
        if (s->compared < METHODS)
            sum -= mean_over(f, s->setting, s->compared, s->figure);
    }
    return sum / (double)n;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median of the correlations over records and leads. */
static double median_r(const struct record_figures *figures, size_t n, size_t setting, size_t method)
{
    double *r = NEW_ARRAY(double, n *TARGETS);
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < TARGETS; t++)
            r[i * TARGETS + t] = figures[i].value[setting][method][t][FIGURE_R];
    qsort(r, n * TARGETS, sizeof *r, ascending);
    double median = r[n * TARGETS / 2];
    free(r);
    return median;
}

static void print_setting(struct evaluation *evaluation, const struct record_figures *figures, const uint32_t *group,
                          size_t n, size_t setting, json_t *report)
{
    size_t *all = NEW_ARRAY(size_t, n);
    json_t *rows = json_array();
    struct interval interval;
    char text[64];

    for (size_t i = 0; i < n; i++)
        all[i] = i;
    printf("%s\n  %-28s %-26s %9s %8s %7s\n", settings[setting].title, "", "MAE mV", "median r", "PSNR dB", "SSIM");
    for (size_t m = 0; m < METHODS; m++) {
        struct summary s = {figures, setting, m, FIGURE_MAE_MV, METHODS};
        double mae = mean_statistic(&s, all, n), r = median_r(figures, n, setting, m);
        interval = metric_bootstrap(group, n, evaluation->bootstrap_rounds, 1, mean_statistic, &s);
        s.figure = FIGURE_PSNR;
        double psnr = mean_statistic(&s, all, n);
        s.figure = FIGURE_SSIM;
        double ssim = mean_statistic(&s, all, n);
        const char *name = m == 0 ? "model" : lead_baseline_names[m - 1];
        printf("  %-28s %-26s %9.3f %8.1f %7.3f\n", name,
               format_interval(text, sizeof text, mae, interval.low, interval.high), r, psnr, ssim);
        json_array_append_new(rows, json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:f}", "method", name, "mae_mv", mae,
                                              "mae_low", interval.low, "mae_high", interval.high, "median_r", r,
                                              "psnr_db", psnr, "ssim", ssim));
    }
    struct summary s = {figures, setting, 0, FIGURE_MAE_MV, 1 + BASELINE_LAGGED};
    double difference = mean_statistic(&s, all, n);
    interval = metric_bootstrap(group, n, evaluation->bootstrap_rounds, 1, mean_statistic, &s);
    printf("  model minus least squares with lags, MAE mV (paired): %s\n",
           format_interval(text, sizeof text, difference, interval.low, interval.high));
    json_object_set_new(report, settings[setting].key,
                        json_pack("{s:o, s:{s:f, s:f, s:f}}", "rows", rows, "mae_minus_lagged_least_squares", "value",
                                  difference, "low", interval.low, "high", interval.high));
    free(all);
}

static enum status measure_own(struct evaluation *evaluation, struct lead_baselines *baselines,
                               struct record_figures *figures)
{
    const struct world *world = evaluation->world;
    float *mv = NEW_ARRAY(float, STANDARD_LEADS *BASELINE_SAMPLES);
    float *made = NEW_ARRAY(float, (TARGETS + 1) * BASELINE_SAMPLES);
    struct progress progress;
    enum status status = STATUS_OK;

    progress_start(&progress, "generating leads", "records", (double)evaluation->n_records);
    for (size_t r = (size_t)world->rank; r < evaluation->n_records && status == STATUS_OK; r += (size_t)world->size) {
        status = measure_record(evaluation, baselines, evaluation->records[r], mv, made, &figures[r]);
        progress_count(&progress, (double)(r + 1));
    }
    if (status == STATUS_OK)
        progress.done = (double)evaluation->n_records;
    progress_finish(&progress);
    free(mv);
    free(made);
    return status;
}

enum status evaluate_leadgen(struct evaluation *evaluation, json_t *report)
{
    enum status status;
    struct lead_baselines *baselines = NULL;
    size_t n = evaluation->n_records, used = 0;
    struct record_figures *figures = xcalloc(n, sizeof *figures);
    uint32_t *group = NEW_ARRAY(uint32_t, n);

    REQUIRE((evaluation->model->known_leads & ALL_LEADS) == ALL_LEADS, STATUS_USAGE,
            "%s: was not trained with all 12 standard leads, which evaluate leadgen asks for",
            evaluation->model->checkpoint->folder);
    TRY(lead_baselines_fit(&baselines, evaluation->reader, evaluation->corpus, evaluation->world));
    TRY(comm_agree(evaluation->world, measure_own(evaluation, baselines, figures)));
    comm_sum_double(evaluation->world, (double *)figures, n * RECORD_DOUBLES);
    for (size_t r = 0; r < n; r++)
        if (figures[r].usable > 0) {
            group[used] = evaluation->corpus->records[evaluation->records[r]].group;
            figures[used++] = figures[r];
        }
    REQUIRE(used > 0, STATUS_DATA, "%s: split %s has no record with all twelve leads sound for 10 s",
            evaluation->corpus->path, split_name(evaluation->split));
    if (evaluation->world->rank == 0) {
        printf(
            "  %zu records with twelve sound leads, first 10 s, 0.1-75 Hz; least squares from %zu training records\n",
            used, lead_baselines_records(baselines));
        json_object_set_new(report, "usable_records", json_integer((json_int_t)used));
        for (size_t s = 0; s < N_SETTINGS; s++)
            print_setting(evaluation, figures, group, used, s, report);
    }
    status = STATUS_OK;
fail:
    lead_baselines_free(baselines);
    free(figures);
    free(group);
    return status;
}
