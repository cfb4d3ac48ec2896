/*
 * The server's types that are known here, by the numbers that they have in every PostgreSQL.
 * SPDX-License-Identifier: MIT
 */
#ifndef BACKENDS_POSTGRES_TYPES_H
#define BACKENDS_POSTGRES_TYPES_H

enum {
    PG_BOOL = 16,
    PG_BYTEA = 17,
    PG_NAME_TYPE = 19,
    PG_INT8 = 20,
    PG_INT2 = 21,
    PG_INT4 = 23,
    PG_TEXT = 25,
    PG_OID = 26,
    PG_JSON = 114,
    PG_FLOAT4 = 700,
    PG_FLOAT8 = 701,
    PG_BPCHAR = 1042,
    PG_VARCHAR = 1043,
    PG_DATE = 1082,
    PG_TIMESTAMP = 1114,
    PG_TIMESTAMPTZ = 1184,
    PG_NUMERIC = 1700
};

#define PG_EPOCH_US INT64_C(946684800000000) /* the server counts from 2000-01-01 */

#endif
