/*
 * SQL on a borrowed connection.
 * SPDX-License-Identifier: MIT
 */
#ifndef WEIR_QUERY_H
#define WEIR_QUERY_H

#include <string.h>
#include <weir/error.h>

WEIR_BEGIN

/* What a value or a cell is. */
typedef enum weir_type {
    WEIR_NULL,
    WEIR_INT,
    WEIR_DOUBLE,
    WEIR_TEXT,
    WEIR_BLOB,
    WEIR_DECIMAL, /* travels as text, loses nothing */
    WEIR_TIME     /* microseconds since 1970-01-01 UTC */
} weir_type;

/* A typed value, made by the functions below: a parameter of a statement, or what a driver hands out as a cell. */
typedef struct weir_value { /* text and blobs are borrowed until the call returns */
    uint32_t type;
    uint32_t no_zero; /* of a cell, 1: a text that is known to have no zero byte in it */
    union {
        int64_t i;
        double d;
        const void *p;
    } as;
    uint64_t length;
} weir_value;

/* Without memset, after which a processor would wait wherever a value is copied. */
static inline weir_value weir_int(int64_t i)
{
    weir_value v = { WEIR_INT, 0, { 0 }, 0 };
    v.as.i = i;
    return v;
}
static inline weir_value weir_double(double d)
{
    weir_value v = { WEIR_DOUBLE, 0, { 0 }, 0 };
    v.as.d = d;
    return v;
}
static inline weir_value weir_null(void)
{
    weir_value v = { WEIR_NULL, 0, { 0 }, 0 };
    return v;
}
static inline weir_value weir_bytes_(uint32_t type, const void *p, size_t n)
{
    weir_value v = { WEIR_NULL, 0, { 0 }, 0 };
    v.type = p ? type : (uint32_t)WEIR_NULL;
    v.as.p = p;
    v.length = n;
    return v;
}
static inline weir_value weir_text(const char *s)
{
    return weir_bytes_(WEIR_TEXT, s, s ? strlen(s) : 0);
}
static inline weir_value weir_text_n(const char *s, size_t n)
{
    return weir_bytes_(WEIR_TEXT, s, n);
}
static inline weir_value weir_blob(const void *p, size_t n)
{
    return weir_bytes_(WEIR_BLOB, p, n);
}
static inline weir_value weir_decimal(const char *s)
{
    return weir_bytes_(WEIR_DECIMAL, s, s ? strlen(s) : 0);
}
static inline weir_value weir_time_us(int64_t us)
{
    weir_value v = { WEIR_TIME, 0, { 0 }, 0 };
    v.as.i = us;
    return v;
}

/* The parameters of a statement, in the order of its placeholders; WEIR_ARGS(…) makes one in place. */
typedef struct weir_args {
    const weir_value *v;
    size_t n;
} weir_args;

static inline weir_args weir_args_of(const weir_value *v, size_t n)
{
    weir_args a;
    a.v = v;
    a.n = n;
    return a;
}
#define WEIR_NO_ARGS weir_args_of(NULL, 0)
#ifndef __cplusplus
#    define WEIR_ARGS(...)                                \
        weir_args_of((const weir_value[]){ __VA_ARGS__ }, \
                     sizeof((const weir_value[]){ __VA_ARGS__ }) / sizeof(weir_value))
#endif

/*
 * Runs one statement to its end and drops what rows it returns.  Placeholders are `?`, as many as args.  *affected, which may be NULL,
 * is the number of rows changed.  The deadline stops the statement on the server, not only the wait for it; the default is the option
 * query_timeout.  WEIR_E_ARGUMENT: more or fewer args than placeholders; WEIR_E_BUSY: a result is open; WEIR_E_STALE; else what the
 * server said.
 */
WEIR_API int weir_exec(int64_t *affected, weir_conn conn, const char *sql, weir_args args, weir_deadline deadline,
                       weir_error *err);
/*
 * Runs one statement once for each of count rows of parameters, in their order, many at a time where the server can, and drops what rows
 * it returns.  Stops at the first one that fails.  Outside a transaction the call is one of its own: all is done or nothing.  Inside, what
 * was done before the failure is the transaction's to keep or to undo, as after weir_exec.  *affected, which may be NULL, is the number
 * of rows changed by all.  *failed, which may be NULL, is the row that failed, counted from 0; count: it was none of them, or nobody can
 * tell, as after a deadlock among rows that were sent together.  Fails as weir_exec does, and as weir_begin and weir_commit.  That each
 * row has as many parameters as there are placeholders is looked at first.
 */
WEIR_API int weir_exec_many(int64_t *affected, size_t *failed, weir_conn conn, const char *sql, const weir_args *rows,
                            size_t count, weir_deadline deadline, weir_error *err);
/*
 * Runs one statement that returns rows; *out is read with weir_rows_next and ended with weir_rows_close.  One result a connection is
 * open at a time.  The deadline covers the whole result unless weir_rows_extend moves it.  Fails as weir_exec does, and with
 * WEIR_E_ARGUMENT, before it runs, for a statement that returns no rows.
 */
WEIR_API WEIR_CHECKED int weir_query(weir_rows *out, weir_conn conn, const char *sql, weir_args args,
                                     weir_deadline deadline, weir_error *err);

/* Moves to the next row: WEIR_ROW, WEIR_OK at the end, or a failure, which weir_rows_close tells again.  Cells of the row before end. */
WEIR_API WEIR_CHECKED int weir_rows_next(weir_rows rows, weir_error *err);
/* Moves to the next result of a statement that has several: WEIR_ROW if there is one, WEIR_OK if not.  Rows not yet read are dropped. */
WEIR_API int weir_rows_next_set(weir_rows rows, weir_error *err);
/* Gives the rest of the result this much time from now. */
WEIR_API void weir_rows_extend(weir_rows rows, weir_deadline deadline);
/*
 * Ends the result, read or not, and zeroes *rows; ending an empty one is WEIR_OK.  Fails with the first failure of the result again, a
 * cell that did not convert included, so that a loop over rows needs one check.
 */
WEIR_API int weir_rows_close(weir_rows *rows, weir_error *err);

/*
 * The cells of the current row, columns counted from 0.  Pointers live until the next weir_rows_next or weir_rows_close of their
 * result.  NULL reads as 0, 0.0 or NULL.  A cell that does not convert without loss reads the same and fails the result with
 * WEIR_E_CONVERT; so does a column that is not there (WEIR_E_ARGUMENT).  A stale result gives 0 and NULL.
 */
WEIR_API size_t weir_rows_columns(weir_rows rows);
WEIR_API const char *weir_rows_name(weir_rows rows, size_t column); /* lives until weir_rows_close */
WEIR_API weir_type weir_rows_type(weir_rows rows, size_t column);   /* of this cell; WEIR_NULL before the first row */
WEIR_API int weir_rows_is_null(weir_rows rows, size_t column);
WEIR_API int64_t weir_rows_int(weir_rows rows, size_t column);
WEIR_API double weir_rows_double(weir_rows rows, size_t column);
WEIR_API const char *weir_rows_text(weir_rows rows, size_t column); /* ends in a zero byte; any type but a blob */
WEIR_API const void *weir_rows_blob(weir_rows rows, size_t column, size_t *length);
WEIR_API int64_t weir_rows_time_us(weir_rows rows, size_t column);

/* The key that the last insert on conn generated; 0: none, or a stale handle. */
WEIR_API int64_t weir_last_id(weir_conn conn);

WEIR_END

#ifdef __cplusplus
#    include <array>
template <class... V>
struct weir_args_holder { /* lives to the end of the full expression, as the compound literal does in C */
    std::array<weir_value, sizeof...(V)> a;
    operator weir_args() const
    {
        return weir_args_of(a.data(), a.size());
    }
};
template <class... V> weir_args_holder<V...> weir_args_make(V... v)
{
    return weir_args_holder<V...>{ { { v... } } };
}
#    define WEIR_ARGS(...) weir_args_make(__VA_ARGS__)
#endif

#endif
