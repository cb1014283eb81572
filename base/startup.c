#include "base/startup.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* Set once the program was started anew, so that it happens once only. */
static const char guard[] = "ANYECG_BLAS_CHOSEN";

/* Core types that OpenBLAS knows for x86-64. */
static const struct core_type {
    const char *name;
    unsigned needs;
} core_types[] = {{"Prescott", PROCESSOR_SSE3},
                  {"Core2", PROCESSOR_SSSE3},
                  {"Penryn", PROCESSOR_SSE42}, /* 4.1 would do */
                  {"Dunnington", PROCESSOR_SSE42},
                  {"Atom", PROCESSOR_SSSE3},
                  {"Nano", PROCESSOR_SSSE3},
                  {"Nehalem", PROCESSOR_SSE42},
                  {"Athlon", PROCESSOR_3DNOW},
                  {"Opteron", PROCESSOR_3DNOW},
                  {"Opteron_SSE3", PROCESSOR_3DNOW | PROCESSOR_SSE3},
                  {"Barcelona", PROCESSOR_SSE4A},
                  {"Bobcat", PROCESSOR_SSE4A},
                  {"Bulldozer", PROCESSOR_AVX | PROCESSOR_FMA4},
                  {"Piledriver", PROCESSOR_AVX | PROCESSOR_FMA4},
                  {"Steamroller", PROCESSOR_AVX | PROCESSOR_FMA4},
                  {"Excavator", PROCESSOR_AVX2 | PROCESSOR_FMA4},
                  {"Sandybridge", PROCESSOR_AVX},
                  {"Haswell", PROCESSOR_AVX2},
                  {"Zen", PROCESSOR_AVX2},
                  {"SkylakeX", PROCESSOR_AVX512},
                  {"Cooperlake", PROCESSOR_AVX512 | PROCESSOR_BF16},
                  {"SapphireRapids", PROCESSOR_AVX512 | PROCESSOR_BF16}};

unsigned startup_processor_features(void)
{
    unsigned features = 0;
#if defined(__x86_64__)
    unsigned a, b, c, d = 0;
    __builtin_cpu_init();
    features |= __builtin_cpu_supports("sse3") ? PROCESSOR_SSE3 : 0;
    features |= __builtin_cpu_supports("ssse3") ? PROCESSOR_SSSE3 : 0;
    features |= __builtin_cpu_supports("sse4.2") ? PROCESSOR_SSE42 : 0;
    features |= __builtin_cpu_supports("avx") ? PROCESSOR_AVX : 0;
    features |= __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? PROCESSOR_AVX2 : 0;
    features |= __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
                    ? PROCESSOR_AVX512
                    : 0;
    features |= __builtin_cpu_supports("avx512bf16") ? PROCESSOR_BF16 : 0;
    features |= __builtin_cpu_supports("sse4a") ? PROCESSOR_SSE4A : 0;
    features |= __builtin_cpu_supports("fma4") ? PROCESSOR_FMA4 : 0;
    if (__get_cpuid(0x80000001, &a, &b, &c, &d)) /* no compiler knows 3DNow! by name everywhere */
        features |= d >> 31 ? PROCESSOR_3DNOW : 0;
#endif
    return features;
}

/* Where AVX2 is missing. Old processors of AMD have kernels of their own, which OpenBLAS finds. */
static const char *type_without_avx2(unsigned features)
{
    if (features & (PROCESSOR_FMA4 | PROCESSOR_3DNOW))
        return NULL;
    return features & PROCESSOR_AVX     ? "Sandybridge"
           : features & PROCESSOR_SSE42 ? "Nehalem"
           : features & PROCESSOR_SSE3  ? "Prescott"
                                        : NULL;
}

const char *startup_core_type(const char *wanted, unsigned features)
{
    const struct core_type *type = NULL;
    for (size_t i = 0; wanted && i < sizeof core_types / sizeof *core_types; i++)
        if (strcasecmp(wanted, core_types[i].name) == 0)
            type = &core_types[i];
    if (wanted && !type)
        return wanted;
    bool runs = type && (type->needs & ~features) == 0;
    bool is_weak = type && features & PROCESSOR_AVX512 && !(type->needs & PROCESSOR_AVX512);
    if (runs && !is_weak)
        return wanted;
    return features & PROCESSOR_AVX2 ? NULL : type_without_avx2(features);
}

int startup_blas_threads(void)
{
    static const char *const names[] = {"OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"};
    cpu_set_t usable;
    CPU_ZERO(&usable);
    int most = sched_getaffinity(0, sizeof usable, &usable) == 0 ? CPU_COUNT(&usable) : 1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = getenv(names[i]);
        int threads = text ? atoi(text) : 0;
        if (threads > 0)
            return threads < most ? threads : most;
    }
    return most;
}

static bool correct_environment(void)
{
    bool has_changed = false;
    const char *core = getenv("OPENBLAS_CORETYPE");
    const char *chosen = startup_core_type(core, startup_processor_features());
    if (chosen != core) {
        chosen ? setenv("OPENBLAS_CORETYPE", chosen, 1) : unsetenv("OPENBLAS_CORETYPE");
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
