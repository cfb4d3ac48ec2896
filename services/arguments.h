/*
 * The command line.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_ARGUMENTS_H
#define SERVICES_ARGUMENTS_H

#include "service.h"

struct arguments {
    unsigned chosen;   /* bits 1u << service_id */
    const char *url;   /* NULL: from the environment */
    const char *input; /* NULL: none */
    int input_is_folder;
    const char *schema; /* a dialect whose schema is to be printed, and nothing else done; NULL: none */
    unsigned workers;
    int help, version;
};

/* < 0: it was wrong, and that has been said. */
int arguments_parse(struct arguments *a, int argc, char **argv);
void arguments_help(void);

#endif
