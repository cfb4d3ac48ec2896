/*
 * The words of an SQL text, as PostgreSQL tells them apart.  Knows nothing of connections.
 * SPDX-License-Identifier: MIT
 */
#ifndef BACKENDS_POSTGRES_LEX_H
#define BACKENDS_POSTGRES_LEX_H

#include <stddef.h>
#include <stdint.h>

enum pg_kind {
    PG_END,
    PG_WORD,     /* a keyword, or a name that is not quoted */
    PG_NAME,     /* a name in double quotes, with them */
    PG_STRING,   /* '…', E'…', $$…$$ */
    PG_PARAM,    /* $1 */
    PG_QUESTION, /* ? */
    PG_OTHER     /* one character of anything else */
};

struct pg_token {
    enum pg_kind kind;
    const char *at; /* in the text; white space and comments before it are skipped */
    size_t length;
};

struct pg_lexer {
    const char *at;
    int escapes; /* a backslash escapes in every string: standard_conforming_strings is off */
};

struct pg_token pg_lex(struct pg_lexer *l);

/* translate.c */

/*
 * Writes sql with each `?` made $1, $2, … and each `??` made `?`, and a zero byte; out may be NULL to learn the length only.  A text
 * that has a $1 of its own stays as it is.  *params is the number of placeholders: the largest, in a text of the latter kind.
 * Returns the length.
 */
size_t pg_translate(char *out, const char *sql, int escapes, size_t *params);

/* study.c: what may be said of a statement without asking the server */

#define PG_EMPTY 0x01u    /* there is no statement */
#define PG_READS 0x02u    /* may be read row by row: it writes nothing that stopping it half-way would undo */
#define PG_INSERTS 0x04u  /* INSERT or MERGE */
#define PG_COPIES 0x08u   /* COPY through the connection, which needs the native handle */
#define PG_CHANGES 0x10u  /* it may leave something behind in the session */
#define PG_PREPARES 0x20u /* … that may be a prepared statement */
#define PG_FORGETS 0x40u  /* it may drop the statements that the driver has prepared */
#define PG_LEAVES 0x80u   /* leaves something behind for certain: not for a session that others share */

unsigned pg_study(const char *sql, int escapes);

#endif
