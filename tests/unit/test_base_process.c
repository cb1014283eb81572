/* Memory of a plan, and requests to stop. Signals are sent to children, so that no handler stays in this process. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/signals.h"

static void blocks_are_aligned_and_do_not_overlap(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 64, 65, 7, 0, 4096, 3};
    enum { N = sizeof sizes / sizeof *sizes };
    struct arena arena;
    unsigned char *block[N];
    arena_create(&arena, 64 + 64 + 128 + 64 + 0 + 4096 + 64);
    for (int i = 0; i < N; i++) {
        block[i] = arena_take(&arena, sizes[i]);
        assert_int_equal((uintptr_t)block[i] % ARENA_ALIGNMENT, 0);
        memset(block[i], i + 1, sizes[i]);
    }
    assert_int_equal(arena.used, arena.capacity);
    for (int i = 0; i < N; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(block[i][k], i + 1);
    arena_destroy(&arena);
    assert_null(arena.base);
}

static void a_large_arena_can_be_used_to_its_last_byte(void **state)
{
    (void)state;
    enum { BYTES = (5 << 20) + 64 };
    struct arena arena;
    arena_create(&arena, BYTES);
    char *block = arena_take(&arena, BYTES);
    assert_int_equal((uintptr_t)block % ARENA_ALIGNMENT, 0);
    memset(block, 1, BYTES);
    arena_destroy(&arena);
}

static void a_mark_gives_back_what_was_taken_since(void **state)
{
    (void)state;
    struct arena arena;
    arena_create(&arena, 1024);
    void *kept = arena_take(&arena, 100);
    size_t mark = arena_mark(&arena);
    void *first = arena_take(&arena, 200);
    arena_take(&arena, 300);
    size_t peak = arena.peak;
    arena_release(&arena, mark);
    assert_ptr_equal(arena_take(&arena, 10), first);
    assert_ptr_not_equal(first, kept);
    assert_int_equal(peak, arena_rounded(100) + arena_rounded(200) + arena_rounded(300));
    assert_int_equal(arena.peak, peak);
    arena_destroy(&arena);
}

static size_t take_some(struct arena *arena)
{
    arena_take(arena, 33);
    size_t mark = arena_mark(arena);
    arena_take(arena, 1000);
    arena_release(arena, mark);
    arena_take(arena, 500);
    return arena->peak;
}

static void counting_tells_what_the_same_calls_need(void **state)
{
    (void)state;
    struct arena counted = arena_counting(), arena;
    assert_null(arena_take(&counted, 0));
    size_t peak = take_some(&counted);
    assert_int_equal(peak, 64 + 1024);
    arena_create(&arena, peak);
    assert_int_equal(take_some(&arena), peak);
    arena_destroy(&arena);
}

/* A child watches signals and gets these (0 = no more); returns how it ended, normally with signals_received(). */
static int send_signals(int first, int second)
{
    pid_t child = fork();
    if (child == 0) {
        signals_watch();
        if (signals_received() != 0)
            _exit(99);
        raise(first);
        if (second)
            raise(second);
        _exit(signals_received());
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    return WIFEXITED(result) ? WEXITSTATUS(result) : -1;
}

static void a_signal_is_only_noted_and_the_first_one_counts(void **state)
{
    (void)state;
    assert_int_equal(send_signals(SIGTERM, 0), SIGTERM);
    assert_int_equal(send_signals(SIGUSR1, 0), SIGUSR1);
    assert_int_equal(send_signals(SIGINT, 0), SIGINT);
    assert_int_equal(send_signals(SIGTERM, SIGINT), SIGTERM);
    assert_int_equal(send_signals(SIGUSR1, SIGUSR1), SIGUSR1);
}

static void a_second_interrupt_ends_the_process(void **state)
{
    (void)state;
    assert_int_equal(send_signals(SIGINT, SIGINT), 128 + SIGINT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_do_not_overlap),
        cmocka_unit_test(a_large_arena_can_be_used_to_its_last_byte),
        cmocka_unit_test(a_mark_gives_back_what_was_taken_since),
        cmocka_unit_test(counting_tells_what_the_same_calls_need),
        cmocka_unit_test(a_signal_is_only_noted_and_the_first_one_counts),
        cmocka_unit_test(a_second_interrupt_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
