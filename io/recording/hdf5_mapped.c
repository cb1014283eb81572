#include "io/recording/hdf5_mapped.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#include "base/memory.h"
#include "io/recording/mapped_file.h"

struct mapped {
    H5FD_t head; /* HDF5's; comes first */
    struct mapped_file file;
    haddr_t end_of_addresses; /* as far as HDF5 believes the file to go */
};

static H5FD_t *open_mapped(const char *path, unsigned flags, hid_t access, haddr_t most)
{
    (void)access;
    (void)most;
    if (flags & (H5F_ACC_RDWR | H5F_ACC_CREAT | H5F_ACC_TRUNC))
        return NULL;
    struct mapped *mapped = xcalloc(1, sizeof *mapped);
    if (mapped_file_open(&mapped->file, path) == STATUS_OK)
        return &mapped->head;
    free(mapped);
    return NULL;
}

static herr_t close_mapped(H5FD_t *file)
{
    struct mapped *mapped = (struct mapped *)file;
    mapped_file_close(&mapped->file);
    free(mapped);
    return 0;
}

static haddr_t get_end_of_addresses(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const struct mapped *)file)->end_of_addresses;
}

static herr_t set_end_of_addresses(H5FD_t *file, H5FD_mem_t type, haddr_t end)
{
    (void)type;
    ((struct mapped *)file)->end_of_addresses = end;
    return 0;
}

static haddr_t get_end_of_file(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const struct mapped *)file)->file.count;
}

/* No feature: above all not H5FD_FEAT_ACCUMULATE_METADATA. */
static herr_t query(const H5FD_t *file, unsigned long *flags)
{
    (void)file;
    *flags = 0;
    return 0;
}

/* Lets go of pages whose samples were read: a file of many recordings stays open for long and may be larger than the
 * memory that a job is given. The system brings neighbours along when a page is touched: they go too, also those
 * before. Small reads are metadata, which is read again. */
static void forget_pages(const struct mapped *mapped, haddr_t first, size_t count)
{
    enum { LEAST_BYTES = 1 << 14, NEIGHBOURHOOD = 1 << 16 };
    size_t begin = (size_t)first / NEIGHBOURHOOD * NEIGHBOURHOOD;
    size_t end = ((size_t)first + count) / NEIGHBOURHOOD * NEIGHBOURHOOD + NEIGHBOURHOOD;
    if (end > mapped->file.count)
        end = mapped->file.count;
    if (count >= LEAST_BYTES)
        madvise((void *)(mapped->file.bytes + begin), end - begin, MADV_DONTNEED);
}

static herr_t read_mapped(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t first, size_t count, void *target)
{
    const struct mapped *mapped = (const struct mapped *)file;
    (void)type;
    (void)transfer;
    if (first > mapped->file.count || count > mapped->file.count - first)
        return -1;
    memcpy(target, mapped->file.bytes + first, count);
    forget_pages(mapped, first, count);
    return 0;
}

static herr_t write_nothing(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t first, size_t count,
                            const void *source)
{
    (void)file;
    (void)type;
    (void)transfer;
    (void)first;
    (void)count;
    (void)source;
    return -1;
}

static const H5FD_class_t driver_class = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = 510, /* of the range for private drivers */
#endif
    .name = "mapped",
    .maxaddr = HADDR_MAX,
    .fc_degree = H5F_CLOSE_WEAK,
    .open = open_mapped,
    .close = close_mapped,
    .query = query,
    .get_eoa = get_end_of_addresses,
    .set_eoa = set_end_of_addresses,
    .get_eof = get_end_of_file,
    .read = read_mapped,
    .write = write_nothing,
    .fl_map = H5FD_FLMAP_SINGLE,
};

hid_t hdf5_open_mapped(const char *path)
{
    static hid_t driver = -1;
    if (driver < 0 && (driver = H5FDregister(&driver_class)) < 0)
        return -1;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), file = -1;
    if (access >= 0 && H5Pset_driver(access, driver, NULL) >= 0)
        file = H5Fopen(path, H5F_ACC_RDONLY, access);
    if (access >= 0)
        H5Pclose(access);
    return file;
}
