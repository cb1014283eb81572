#include "io/pack/beside.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"

char *path_beside(const char *corpus, const char *ending)
{
    size_t length = strlen(corpus);
    struct stat itself;
    while (length > 1 && corpus[length - 1] == '/')
        length--;
    char *folder = format_text("%.*s", (int)length, corpus);
    const char *name = base_name(folder);
    bool is_other =
        strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || (lstat(folder, &itself) == 0 && S_ISLNK(itself.st_mode));
    char *real = is_other ? realpath(folder, NULL) : NULL;
    char *path = format_text("%s.%s", real ? real : folder, ending);
    free(real);
    free(folder);
    return path;
}
