"""What the C of a program begins with."""

from __future__ import annotations

from autograd.lowering.types import OUT_OF_BOUNDS

HEAD = """
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <limits.h>

#if LONG_MAX < INT64_MAX /* as on Windows */
#define long int64_t
#endif

#if defined(__GNUC__)
#define APART __attribute__((noinline)) /* restrict is of a function's parameters */
#else
#define APART
#endif

/* What calls others one after the other gains nothing by being optimized, which takes long. */
#if defined(__clang__)
#define IN_TURN __attribute__((noinline, optnone))
#elif defined(__GNUC__)
#define IN_TURN __attribute__((noinline, optimize("O0")))
#else
#define IN_TURN
#endif

/* Memory that is to be in the cache soon. */
static inline void ahead(const void *start, long bytes) {
#if defined(__GNUC__)
    for (long i = 0; i < bytes; i += 64) __builtin_prefetch((const char *)start + i);
#endif
}

/* A place that an index names, counted from the end where it is below 0. */
static inline long pb_place(long i, long size, int64_t *bad) {
    const long place = i < 0 ? i + size : i;
    if (place < 0 || place >= size) {
        *bad = OUT_OF_BOUNDS;
        return 0;
    }
    return place;
}
""".replace("OUT_OF_BOUNDS", str(OUT_OF_BOUNDS))


PAST = """
/* Lines of memory written past the cache; where they do not begin at one, into it. */
typedef float pb_line __attribute__((vector_size(64), may_alias, aligned(64)));
#if defined(__has_builtin)
#if __has_builtin(__builtin_nontemporal_store)
#define pb_store(to, from) __builtin_nontemporal_store(*(from), to)
#elif __has_builtin(__builtin_ia32_movntps512) && defined(__AVX512F__)
#define pb_store(to, from) __builtin_ia32_movntps512((float *)(to), *(from))
#elif __has_builtin(__builtin_ia32_movntps256) && defined(__AVX__)
typedef float pb_half __attribute__((vector_size(32), may_alias, aligned(32)));
#define pb_store(to, from) do { \\
    __builtin_ia32_movntps256((float *)(to), ((const pb_half *)(from))[0]); \\
    __builtin_ia32_movntps256((float *)(to) + 8, ((const pb_half *)(from))[1]); \\
} while (0)
#endif
#endif
static inline void past(void *restrict to, const void *restrict from, long bytes) {
#if defined(pb_store)
    if (((uintptr_t)to | (uintptr_t)from | (unsigned long)bytes) % 64 == 0) {
        pb_line *line = to;
        for (const pb_line *next = from; bytes; bytes -= 64, line++, next++) pb_store(line, next);
        return;
    }
#endif
    __builtin_memcpy(to, from, bytes);
}

/* From here on others see it. */
static inline void past_is_seen(void) {
#if defined(__x86_64__) || defined(__i386__)
    __asm__ __volatile__("sfence" ::: "memory");
#elif defined(__GNUC__)
    __sync_synchronize();
#endif
}
"""
