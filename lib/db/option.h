/*
 * The options of a db: the core's rows of the option table.
 * SPDX-License-Identifier: MIT
 */
#ifndef DB_OPTION_H
#define DB_OPTION_H

#include <base/option.h>

extern const weir_option core_options[]; /* ends in a row without a name */

#endif
