/* train/run_folder.h — the folder of a run: config.yaml, metrics.jsonl, log.txt, step-*, latest.
 *
 * Rank 0 alone writes. Nothing is made before all that can be refused has been checked. */
#ifndef TRAIN_RUN_FOLDER_H
#define TRAIN_RUN_FOLDER_H

#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

struct run_folder {
    char *path;
    FILE *metrics, *log;
};

/* Whether a run may be written there. Without `resume` a folder that holds a run is refused (STATUS_USAGE); with it,
 * one whose config differs (STATUS_CONFIG, listing where). One process. */
enum status run_folder_check(const char *path, bool resume, const char *config_text);

/* Makes the folder or continues it: writes config.yaml, cuts metrics.jsonl back to lines of step <= `step`, opens the
 * log. One process. */
enum status run_folder_open(struct run_folder **out, const char *path, const char *config_text, uint64_t step);
void run_folder_close(struct run_folder *folder);

#endif
