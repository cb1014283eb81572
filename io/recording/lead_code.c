#include "io/recording/lead_code.h"

const char *lead_code_text(long code)
{
    static const char *const first[] = {"unspecified", "I",   "II",  "V1",  "V2",  "V3", "V4", "V5", "V6",  "V7", "V2R",
                                        "V3R",         "V4R", "V5R", "V6R", "V7R", "X",  "Y",  "Z",  "CC5", "CM5"};
    static const char *const from_61[] = {"III", "aVR", "aVL", "aVF", "-aVR", "V8", "V9"};
    if (code >= 0 && code < (long)(sizeof first / sizeof *first))
        return first[code];
    if (code >= 61 && code < 61 + (long)(sizeof from_61 / sizeof *from_61))
        return from_61[code - 61];
    return first[0];
}
