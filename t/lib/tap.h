/*
 * TAP from a C test program: each check states a fact in words.
 *
 *     ok(n == 3, "three rows are stored, got %d", n);
 *     return tap_done();
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef T_TAP_H
#define T_TAP_H

#include <stdint.h>

#if defined(__GNUC__)
#    define TAP_PRINTF(text_at, args_at) __attribute__((format(printf, text_at, args_at)))
#else
#    define TAP_PRINTF(text_at, args_at)
#endif

/* Each returns whether the fact holds; a failure prints where, and what was there instead.  Any thread. */
#define ok(fact, ...) tap_ok(!!(fact), __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, ...) tap_is_int((int64_t)(got), (int64_t)(want), __FILE__, __LINE__, __VA_ARGS__)
#define is_text(got, want, ...) tap_is_text((got), (want), __FILE__, __LINE__, __VA_ARGS__) /* NULL is a value, too */
#define has_text(got, part, ...) \
    tap_has_text((got), (part), __FILE__, __LINE__, __VA_ARGS__) /* `part` is somewhere in it */

int tap_ok(int fact, const char *file, int line, const char *format, ...) TAP_PRINTF(4, 5);
int tap_is_int(int64_t got, int64_t want, const char *file, int line, const char *format, ...) TAP_PRINTF(5, 6);
int tap_is_text(const char *got, const char *want, const char *file, int line, const char *format, ...)
    TAP_PRINTF(5, 6);
int tap_has_text(const char *got, const char *part, const char *file, int line, const char *format, ...)
    TAP_PRINTF(5, 6);

void tap_note(const char *format, ...) TAP_PRINTF(1, 2);            /* a line for the reader */
void tap_skip(int count, const char *format, ...) TAP_PRINTF(2, 3); /* that many facts, for this reason */
_Noreturn void tap_skip_all(const char *format, ...)
    TAP_PRINTF(1, 2); /* before any check; ends the program, in CI as a failure */
_Noreturn void tap_bail(const char *format, ...) TAP_PRINTF(1, 2); /* nothing makes sense any more; ends the program */
int tap_done(void);                                                /* prints the plan; the program's exit status */

/* In a child of a process with several threads these cannot make any: their own locks may be held by a thread that the child does not have. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define UNDER_SANITIZER 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define UNDER_SANITIZER 1
#    endif
#endif
#ifndef UNDER_SANITIZER
#    define UNDER_SANITIZER 0
#endif

/* A folder of this test's own, made now, removed with all in it by tap_done; the text is static. */
const char *tap_folder(void);
void tap_clear(void); /* removes it: for a process that outlives the test */

#endif
