/*
 * Words that every header shares: handles, deadlines, values.
 * SPDX-License-Identifier: MIT
 */
#ifndef WEIR_BASE_H
#define WEIR_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#    define WEIR_API __attribute__((visibility("default")))
#    define WEIR_CHECKED __attribute__((warn_unused_result))
#else
#    define WEIR_API
#    define WEIR_CHECKED
#endif

#ifdef __cplusplus
#    define WEIR_BEGIN extern "C" {
#    define WEIR_END }
#else
#    define WEIR_BEGIN
#    define WEIR_END
#endif

WEIR_BEGIN

typedef struct weir_db weir_db;     /* one database: a pool for each of its servers, and the routes between them */
struct weir_event;                  /* observe.h */
typedef struct weir_pool weir_pool; /* one server's connections and health; belongs to its db, lives as long as it */

/*
 * A connection on loan.  A value: copy it freely; whoever holds a copy after the loan has ended gets WEIR_E_STALE and harms nobody.
 * All zero is "no connection"; releasing that is allowed.  The fields are private.
 */
typedef struct weir_conn {
    struct weir_slot *slot;
    uint64_t loan;
} weir_conn;

/* The result being read on a connection; one at a time on each.  A value, like weir_conn. */
typedef struct weir_rows {
    struct weir_slot *slot;
    uint64_t result;
} weir_rows;

/*
 * How long a call may take.  A struct, so that nobody passes 500.
 * All zero: the database's own default (options acquire_timeout, query_timeout).  weir_after_ms reads no clock: it counts from the
 * moment the call begins; weir_by is a moment on the monotonic clock, to be shared by several calls.
 */
typedef struct weir_deadline {
    int64_t ns; /* > 0 after that many, < 0 at the moment -ns, 0 default */
} weir_deadline;

/* That many milliseconds from the beginning of the call; none or fewer: only what can be had at once. */
static inline weir_deadline weir_after_ms(int64_t ms)
{
    weir_deadline d = { ms <= 0 ? 1 : ms > INT64_MAX / 1000000 ? INT64_MAX : ms * 1000000 };
    return d;
}
static inline weir_deadline weir_at_once(void)
{
    return weir_after_ms(0);
}
static inline weir_deadline weir_never(void)
{
    return weir_after_ms(INT64_MAX);
}
/* The same length, fixed from now: several calls that are handed the result share one moment.  A fixed or default one stays. */
WEIR_API weir_deadline weir_by(weir_deadline after);

#define WEIR_STRING_(x) #x
#define WEIR_STRING(x) WEIR_STRING_(x)
#define WEIR_HERE __FILE__ ":" WEIR_STRING(__LINE__) /* a static string: who holds this */

/* "major.minor.patch" of the library that is linked; static. */
WEIR_API const char *weir_version(void);

WEIR_END

#endif
