#include "io/recording/unit.h"

#include <stddef.h>
#include <strings.h>

double unit_per_mv(const char *unit)
{
    static const struct {
        const char *unit;
        double per_mv;
    } units[] = {{"", 1},        {"mV", 1},   {"uV", 1e3}, {"\xc2\xb5V", 1e3}, {"\xce\xbcV", 1e3},
                 {"\xb5V", 1e3}, {"nV", 1e6}, {"V", 1e-3}}; /* micro sign, Greek mu, Latin-1 */
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcasecmp(unit, units[i].unit) == 0)
            return units[i].per_mv;
    return 0;
}
