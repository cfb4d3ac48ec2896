/*
 * Writing a weir_error.  `return fail(err, …)` in the line that found it.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <weir/error.h>

#if defined(__GNUC__)
#    define PRINTF_LIKE(text_at, args_at) __attribute__((format(printf, text_at, args_at)))
#else
#    define PRINTF_LIKE(text_at, args_at)
#endif

/* Writes *err whole (native, flags and sqlstate zero; text cut at a character's end, newlines become spaces); returns status.  err may
   be NULL. */
int fail(weir_error *err, int status, const char *format, ...) PRINTF_LIKE(3, 4);
/* Copies one error to where the caller wants it (either may be NULL); returns status. */
int fail_as(weir_error *err, const weir_error *cause);
/* The same, with text put in front of the cause's own ("prefix: cause"). */
int fail_in(weir_error *err, const weir_error *cause, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
