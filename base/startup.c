#include "base/startup.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* Set once the program was started anew, so that it happens once only. */
static const char guard[] = "ANYECG_BLAS_CHOSEN";

static bool has_avx512(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#else
    return false;
#endif
}

/* Names that OpenBLAS knows for x86-64 cores without AVX-512. */
static bool is_weaker_core(const char *name)
{
    static const char *const weaker[] = {"Prescott",    "Core2",      "Penryn",  "Dunnington",  "Atom",
                                         "Nehalem",     "Athlon",     "Opteron", "Barcelona",   "Bobcat",
                                         "Bulldozer",   "Piledriver", "Nano",    "Sandybridge", "Haswell",
                                         "Steamroller", "Excavator",  "Zen"};
    for (size_t i = 0; i < sizeof weaker / sizeof *weaker; i++)
        if (strcasecmp(name, weaker[i]) == 0)
            return true;
    return false;
}

static bool correct_environment(void)
{
    bool has_changed = false;
    const char *core = getenv("OPENBLAS_CORETYPE");
    if (core && is_weaker_core(core) && has_avx512()) {
        unsetenv("OPENBLAS_CORETYPE");
        has_changed = true;
    }
    if (!getenv("OMP_NUM_THREADS")) {
        if (!getenv("OPENBLAS_NUM_THREADS"))
            setenv("OPENBLAS_NUM_THREADS", "1", 1);
        setenv("OMP_NUM_THREADS", "1", 1);
        has_changed = true;
    }
    return has_changed;
}

void startup_choose_blas(char **argv)
{
    char path[PATH_MAX];
    const char *keep = getenv("ANYECG_KEEP_BLAS");
    if ((keep && strcmp(keep, "1") == 0) || getenv(guard) || !correct_environment())
        return;
    setenv(guard, "1", 1);
    /* The link's target, since processes started through /proc/self/exe are listed as "exe". */
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length > 0) {
        path[length] = '\0';
        execv(path, argv);
    }
    execv("/proc/self/exe", argv); /* the file was replaced meanwhile */
}
