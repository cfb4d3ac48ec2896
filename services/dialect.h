/*
 * The schema in the SQL of each database.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_DIALECT_H
#define SERVICES_DIALECT_H

#include <stdio.h>
#include "schema.h"

struct dialect;

/* By the name of a weir driver; NULL: there is none of that name. */
const struct dialect *dialect_named(const char *driver);
extern const char *const dialect_names[]; /* NULL at the end */

/* CREATE TABLE IF NOT EXISTS …; allocated, ended with free. */
char *dialect_create(const struct dialect *d, const struct table *t);
/* For people: every table. */
void dialect_print(const struct dialect *d, FILE *to);

#endif
