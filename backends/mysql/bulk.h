/*
 * Bulk, inside: rows are cut into stretches, and each is written as one statement, one way or the other.
 * SPDX-License-Identifier: MIT
 */
#ifndef BACKENDS_MYSQL_BULK_H
#define BACKENDS_MYSQL_BULK_H

#include "mys.h"

/* One call of the hook. */
struct mys_bulk {
    struct mys_conn *conn;
    uint64_t kind;
    const weir_bulk_spec *spec;
    const weir_value *const *rows;
    size_t count;
    int64_t deadline_ns;
    struct mys_stretch *stretch; /* of the way that has one */
    struct mys_frame *frame;     /* of the other */
};

struct mys_way {
    int (*begin)(struct mys_bulk *b, weir_error *err);                   /* before the hook's waits begin */
    size_t (*row_size)(const struct mys_bulk *b, const weir_value *row); /* bytes on the wire, at most */
    int (*takes)(struct mys_bulk *b, const weir_value *row); /* into the stretch that it took rows for last */
    int (*write)(struct mys_bulk *b, size_t from, size_t count, size_t bytes, weir_error *err);
    void (*end)(struct mys_bulk *b); /* also after a begin that failed */
};

extern const struct mys_way mys_literals;
#if HAVE_DECL_STMT_ATTR_ARRAY_SIZE
extern const struct mys_way mys_arrays;
#endif

/* repeat.c: all rows of a call by one prepared statement, if there is one for as many.  know: before the hook's waits begin. */
int mys_repeat_know(struct mys_bulk *b, struct mys_frame *f, weir_error *err);
int mys_repeat_run(struct mys_bulk *b, struct mys_stmt *s, weir_error *err);
void mys_repeat_forget(struct mys_conn *c, struct mys_frame *f);

/* upsert.c: the parts of a statement before and behind its rows.  Each returns its end, where a zero byte is. */
size_t mys_insert_size(const weir_bulk_spec *spec); /* of both, and of a question mark a column, at most */
char *mys_insert_head(char *at, const weir_bulk_spec *spec);
char *mys_insert_tail(char *at, const struct mys_conn *c, const weir_bulk_spec *spec);

#endif
