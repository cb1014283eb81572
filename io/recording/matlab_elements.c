#include "io/recording/matlab_elements.h"

#include <string.h>
#include <zlib.h>

#include "io/recording/mapped_file.h"

enum { TYPE_INT32 = 5, TYPE_UINT32 = 6, TYPE_MATRIX = 14, TYPE_COMPRESSED = 15 };
enum {
    CLASS_CELL = 1,
    CLASS_STRUCT,
    CLASS_OBJECT,
    CLASS_CHAR,
    CLASS_SPARSE,
    CLASS_DOUBLE,
    CLASS_FUNCTION = 16,
    CLASS_OPAQUE
};
enum { TAG = 8, MOST_DEPTH = 16, MOST_RANK = 16, MOST_FIELD_NAME = 1 << 16 };

/* Bytes in their order, from memory or out of a deflated piece of it. */
struct source {
    const uint8_t *bytes;
    size_t count; /* of the bytes in memory: left */
    bool is_big;
    z_stream *stream; /* NULL: as they are */
};

struct tag {
    uint32_t type;
    uint64_t bytes, padded; /* of the content; with what fills it up to a multiple of 8 */
    bool is_small;          /* the content, up to 4 bytes, stands in the tag */
    uint32_t content;       /* of a small one */
};

static bool take(struct source *source, void *target, size_t count)
{
    if (!source->stream) {
        if (count > source->count)
            return false;
        memcpy(target, source->bytes, count);
        source->bytes += count;
        source->count -= count;
        return true;
    }
    source->stream->next_out = target;
    source->stream->avail_out = (unsigned)count;
    int result = Z_OK;
    while (source->stream->avail_out > 0 && result == Z_OK)
        result = inflate(source->stream, Z_SYNC_FLUSH);
    return source->stream->avail_out == 0;
}

static bool skip(struct source *source, uint64_t count)
{
    uint8_t passed[4096];
    if (!source->stream) {
        if (count > source->count)
            return false;
        source->bytes += count;
        source->count -= (size_t)count;
        return true;
    }
    for (; count > 0; count -= count < sizeof passed ? count : sizeof passed)
        if (!take(source, passed, count < sizeof passed ? (size_t)count : sizeof passed))
            return false;
    return true;
}

static uint32_t word(const uint8_t *bytes, bool is_big)
{
    uint32_t value = little32(bytes);
    return is_big ? __builtin_bswap32(value) : value;
}

/* The next tag of a content of which *left bytes are left. What fills up may be missing at the very end. */
static bool take_tag(struct source *source, uint64_t *left, struct tag *tag)
{
    uint8_t bytes[TAG];
    if (*left < TAG || !take(source, bytes, TAG))
        return false;
    *left -= TAG;
    uint32_t first = word(bytes, source->is_big);
    *tag = (struct tag){.type = first & 0xffff, .is_small = first >> 16 != 0};
    if (tag->is_small) {
        tag->content = word(bytes + 4, source->is_big);
        tag->bytes = first >> 16;
        return tag->bytes <= 4;
    }
    tag->bytes = word(bytes + 4, source->is_big);
    tag->padded = tag->type == TYPE_MATRIX ? tag->bytes : (tag->bytes + 7) / 8 * 8;
    if (tag->bytes <= *left && tag->padded > *left)
        tag->padded = *left;
    return tag->bytes <= *left;
}

static bool pass_content(struct source *source, uint64_t *left, const struct tag *tag)
{
    *left -= tag->padded;
    return skip(source, tag->padded);
}

static bool take_class(struct source *source, uint64_t *left, uint8_t *class)
{
    struct tag tag;
    uint8_t flags[8];
    if (!take_tag(source, left, &tag) || tag.is_small || tag.type != TYPE_UINT32 || tag.bytes != sizeof flags ||
        !take(source, flags, sizeof flags))
        return false;
    *left -= sizeof flags;
    *class = (uint8_t)word(flags, source->is_big);
    return *class >= CLASS_CELL && *class <= CLASS_OPAQUE;
}

/* *elements: the product of the dimensions. Each takes a byte at least, but in a sparse matrix. */
static bool take_shape(struct source *source, uint64_t *left, bool is_sparse, uint64_t *elements)
{
    struct tag tag;
    uint8_t dims[4 * MOST_RANK];
    if (!take_tag(source, left, &tag) || tag.is_small || tag.type != TYPE_INT32 || tag.bytes < 8 ||
        tag.bytes > sizeof dims || tag.bytes % 4 != 0 || tag.padded % 8 != 0 || !take(source, dims, tag.padded))
        return false;
    *left -= tag.padded;
    *elements = 1;
    for (size_t i = 0; i < tag.bytes / 4; i++) {
        uint32_t dim = word(dims + 4 * i, source->is_big);
        if (dim > INT32_MAX || (dim > 0 && *elements > (is_sparse ? UINT64_MAX : *left) / dim))
            return false;
        *elements *= dim;
    }
    return true;
}

static bool matrix_fits(struct source *source, uint64_t bytes, int depth);

/* `count` matrices that fill the rest: cells, or the fields of structs. */
static bool matrices_fit(struct source *source, uint64_t *left, uint64_t count, int depth)
{
    struct tag tag;
    if (count > *left / TAG)
        return false;
    for (uint64_t i = 0; i < count; i++) {
        if (!take_tag(source, left, &tag) || tag.is_small || tag.type != TYPE_MATRIX ||
            !matrix_fits(source, tag.bytes, depth + 1))
            return false;
        *left -= tag.bytes;
    }
    return true;
}

static bool fields_fit(struct source *source, uint64_t *left, uint64_t elements, int depth)
{
    struct tag size, names;
    if (!take_tag(source, left, &size) || !size.is_small || size.type != TYPE_INT32 || size.bytes != 4 ||
        size.content < 1 || size.content > MOST_FIELD_NAME)
        return false;
    if (!take_tag(source, left, &names) || !pass_content(source, left, &names))
        return false;
    uint64_t fields = names.bytes / size.content;
    return (fields == 0 || elements <= *left / TAG / fields) && matrices_fit(source, left, elements * fields, depth);
}

static bool matrix_fits(struct source *source, uint64_t bytes, int depth)
{
    uint64_t left = bytes, elements;
    uint8_t class;
    struct tag tag;
    if (bytes == 0) /* an empty cell or field */
        return true;
    if (depth > MOST_DEPTH || !take_class(source, &left, &class))
        return false;
    if (class >= CLASS_FUNCTION) /* libmatio passes over it, and so do we */
        return skip(source, left);
    if (!take_shape(source, &left, class == CLASS_SPARSE, &elements))
        return false;
    if (!take_tag(source, &left, &tag) || !pass_content(source, &left, &tag)) /* the name */
        return false;
    bool fits = true;
    if (class == CLASS_OBJECT)
        fits = take_tag(source, &left, &tag) && pass_content(source, &left, &tag); /* the name of its class */
    if (class == CLASS_CELL)
        fits = matrices_fit(source, &left, elements, depth);
    else if (class == CLASS_STRUCT || class == CLASS_OBJECT)
        fits = fits && fields_fit(source, &left, elements, depth);
    else if (class != CLASS_SPARSE && elements > 0)
        fits = take_tag(source, &left, &tag) && tag.bytes >= elements && pass_content(source, &left, &tag);
    while (fits && left > 0) /* imaginary parts; what makes a matrix sparse */
        fits = take_tag(source, &left, &tag) && pass_content(source, &left, &tag);
    return fits;
}

static bool compressed_fits(const uint8_t *bytes, size_t count, bool is_big)
{
    z_stream stream = {.next_in = (unsigned char *)bytes, .avail_in = (unsigned)count};
    struct source source = {.is_big = is_big, .stream = &stream};
    struct tag tag;
    uint64_t left = UINT64_MAX;
    if (inflateInit(&stream) != Z_OK)
        return false;
    bool fits = take_tag(&source, &left, &tag) && !tag.is_small && tag.type == TYPE_MATRIX &&
                matrix_fits(&source, tag.bytes, 0);
    inflateEnd(&stream);
    return fits;
}

bool matlab_elements_fit(const uint8_t *bytes, size_t count, bool is_big)
{
    while (count > 0) {
        struct source source = {.bytes = bytes, .count = count, .is_big = is_big};
        struct tag tag;
        uint64_t left = count;
        if (!take_tag(&source, &left, &tag) || tag.is_small)
            return false;
        bool fits = tag.type == TYPE_COMPRESSED ? compressed_fits(source.bytes, tag.bytes, is_big)
                    : tag.type == TYPE_MATRIX   ? matrix_fits(&source, tag.bytes, 0)
                                                : true;
        if (!fits)
            return false;
        bytes += TAG + tag.bytes;
        count -= TAG + tag.bytes;
    }
    return true;
}
