#include "io/corpus/unpacker.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/progress.h"
#include "base/text.h"
#include "io/corpus/shard.h"

enum { QUEUE_PLACES = 64 };

struct unpacker {
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex; /* guards all below but the jobs between next_job and submit, and the one being undone */
    pthread_cond_t changed;
    struct unpack_job *jobs; /* ring */
    size_t first, count;
    size_t *pending; /* [n_batches]: chunks queued or being undone */
    size_t n_batches;
    bool stops;
    enum status status;
    char message[STATUS_MESSAGE_BYTES];
    double working, waited;
    unsigned char *shuffled; /* [CHUNK_BYTES], of the thread */
};

void rows_copy(const struct row_target *target, const int16_t *rows)
{
    size_t second = target->first_row / target->n_leads, lead = target->first_row % target->n_leads;
    for (size_t i = 0; i < target->rows; i++) {
        if (target->column[lead] >= 0)
            memcpy(target->tokens + (second * target->leads + (size_t)target->column[lead]) * PATCH_SAMPLES,
                   rows + i * PATCH_SAMPLES, PATCH_SAMPLES * sizeof *rows);
        if (++lead == target->n_leads) {
            lead = 0;
            second++;
        }
    }
}

static void rows_unshuffle(const struct row_target *target, const unsigned char *shuffled, size_t chunk_row)
{
    size_t second = target->first_row / target->n_leads, lead = target->first_row % target->n_leads;
    for (size_t i = 0; i < target->rows; i++) {
        if (target->column[lead] >= 0)
            unshuffle_samples(target->tokens + (second * target->leads + (size_t)target->column[lead]) * PATCH_SAMPLES,
                              shuffled, (chunk_row + i) * PATCH_SAMPLES, PATCH_SAMPLES, CHUNK_SAMPLES);
        if (++lead == target->n_leads) {
            lead = 0;
            second++;
        }
    }
}

static void *work(void *argument)
{
    struct unpacker *unpacker = argument;
    pthread_mutex_lock(&unpacker->mutex);
    for (;;) {
        while (unpacker->count == 0 && !unpacker->stops)
            pthread_cond_wait(&unpacker->changed, &unpacker->mutex);
        if (unpacker->stops)
            break;
        struct unpack_job *job = &unpacker->jobs[unpacker->first];
        pthread_mutex_unlock(&unpacker->mutex);
        double began = clock_seconds();
        enum status status = chunk_undo(job->path, job->chunk, job->hash, job->frame, job->bytes, unpacker->shuffled);
        if (status == STATUS_OK)
            rows_unshuffle(&job->target, unpacker->shuffled, job->chunk_row);
        double ended = clock_seconds();
        pthread_mutex_lock(&unpacker->mutex);
        if (status != STATUS_OK && unpacker->status == STATUS_OK) {
            unpacker->status = status;
            copy_text(unpacker->message, sizeof unpacker->message, status_message());
        }
        unpacker->working += ended - began;
        unpacker->pending[job->batch]--;
        unpacker->first = (unpacker->first + 1) % QUEUE_PLACES;
        unpacker->count--;
        pthread_cond_broadcast(&unpacker->changed);
    }
    pthread_mutex_unlock(&unpacker->mutex);
    return NULL;
}

enum status unpacker_create(struct unpacker **out, size_t n_batches)
{
    struct unpacker *unpacker = xcalloc(1, sizeof *unpacker);
    sigset_t all, before;
    pthread_mutex_init(&unpacker->mutex, NULL);
    pthread_cond_init(&unpacker->changed, NULL);
    unpacker->jobs = NEW_ARRAY(struct unpack_job, QUEUE_PLACES);
    unpacker->pending = xcalloc(n_batches, sizeof *unpacker->pending);
    unpacker->n_batches = n_batches;
    unpacker->shuffled = xmalloc(CHUNK_BYTES);
    /* Signals that ask for a stop are the main thread's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&unpacker->thread, NULL, work, unpacker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        unpacker_free(unpacker);
        return status_set(STATUS_INTERNAL, "loader: its helper thread cannot be started: %s", strerror(failed));
    }
    unpacker->started = true;
    *out = unpacker;
    return STATUS_OK;
}

void unpacker_free(struct unpacker *unpacker)
{
    if (!unpacker)
        return;
    if (unpacker->started) {
        pthread_mutex_lock(&unpacker->mutex);
        unpacker->stops = true;
        pthread_cond_broadcast(&unpacker->changed);
        pthread_mutex_unlock(&unpacker->mutex);
        pthread_join(unpacker->thread, NULL);
    }
    pthread_cond_destroy(&unpacker->changed);
    pthread_mutex_destroy(&unpacker->mutex);
    free(unpacker->jobs);
    free(unpacker->pending);
    free(unpacker->shuffled);
    free(unpacker);
}

struct unpack_job *unpacker_next_job(struct unpacker *unpacker)
{
    pthread_mutex_lock(&unpacker->mutex);
    if (unpacker->count == QUEUE_PLACES) {
        double began = clock_seconds();
        while (unpacker->count == QUEUE_PLACES)
            pthread_cond_wait(&unpacker->changed, &unpacker->mutex);
        unpacker->waited += clock_seconds() - began;
    }
    struct unpack_job *job = &unpacker->jobs[(unpacker->first + unpacker->count) % QUEUE_PLACES];
    pthread_mutex_unlock(&unpacker->mutex);
    return job;
}

void unpacker_submit(struct unpacker *unpacker)
{
    pthread_mutex_lock(&unpacker->mutex);
    unpacker->pending[unpacker->jobs[(unpacker->first + unpacker->count) % QUEUE_PLACES].batch]++;
    unpacker->count++;
    pthread_cond_broadcast(&unpacker->changed);
    pthread_mutex_unlock(&unpacker->mutex);
}

enum status unpacker_wait(struct unpacker *unpacker, size_t batch)
{
    pthread_mutex_lock(&unpacker->mutex);
    double began = clock_seconds();
    while (unpacker->pending[batch] > 0)
        pthread_cond_wait(&unpacker->changed, &unpacker->mutex);
    unpacker->waited += clock_seconds() - began;
    enum status status = unpacker->status;
    pthread_mutex_unlock(&unpacker->mutex);
    return status == STATUS_OK ? STATUS_OK : status_set(status, "%s", unpacker->message);
}

void unpacker_times(struct unpacker *unpacker, double *working, double *waited)
{
    pthread_mutex_lock(&unpacker->mutex);
    *working = unpacker->working;
    *waited = unpacker->waited;
    pthread_mutex_unlock(&unpacker->mutex);
}
