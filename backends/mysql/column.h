/*
 * A column of a result: where its cells go, and what they are.
 * SPDX-License-Identifier: MIT
 */
#ifndef BACKENDS_MYSQL_COLUMN_H
#define BACKENDS_MYSQL_COLUMN_H

#include "mys.h"

#define USUAL_ROOM 256

enum kind {
    KIND_NULL,
    KIND_INT,
    KIND_UNSIGNED,
    KIND_DOUBLE,
    KIND_FLOAT,
    KIND_MOMENT,
    KIND_DAY,
    KIND_SPAN,
    KIND_BIT,
    KIND_BYTES,
    KINDS
};

struct mys_column;

/* Puts a cell into *out; *at is where it is in the packet, and then behind it. */
typedef void (*mys_taker)(weir_value *out, struct mys_column *col, unsigned char **at);

struct mys_column {
    enum kind kind;
    uint32_t bytes_type; /* KIND_BYTES: WEIR_TEXT, WEIR_BLOB or WEIR_DECIMAL */
    mys_taker take;      /* NULL: it is bound */
    int width;           /* of a number on the wire */
    mys_flag is_null;
    unsigned long length;
    union {
        int64_t i;
        uint64_t u;
        double d;
        float f;
        MYSQL_TIME t;
        unsigned char bits[8];
    } as;
    char text[40]; /* what a cell of another kind reads as */
    char *room;    /* of USUAL_ROOM + 1 bytes, in the block of the columns */
    char *large;   /* a cell that does not fit there */
    size_t large_size;
    /* of the field when it was bound */
    enum enum_field_types type;
    unsigned flags, charset, decimals;
};

/* column.c */
enum kind mys_kind_of(const MYSQL_FIELD *f);
uint32_t mys_bytes_type_of(const MYSQL_FIELD *f); /* of KIND_BYTES */

/* cell.c */
#if HAVE_DECL_STMT_ATTR_CB_RESULT
mys_taker mys_taker_of(enum kind kind, int width); /* NULL: such a column is bound */
/* The library calls it for each cell of a row, in their order; at NULL: it is NULL. */
void mys_take(void *stmt, unsigned column, unsigned char **at);
#endif

#endif
