/*
 * The service levels of transactions on SQLite, where one connection writes.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "levels.h"

int main(void)
{
    char format[512];
    snprintf(format, sizeof format, "sqlite:%s/levels.db", tap_folder());
    const struct place place = { .format = format };
    level_18_transfers(&place);
    return tap_done();
}
