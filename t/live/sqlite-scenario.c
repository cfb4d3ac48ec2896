/*
 * The scenario for every database, on an SQLite file and on a database in memory.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "scenario.h"

int main(void)
{
    char url[300];
    snprintf(url, sizeof url, "sqlite:%s/scenario.db", tap_folder());
    scenario_run(&(struct scenario){ .url = url });
    scenario_run(&(struct scenario){ .url = "sqlite::memory:", .differs = SCENARIO_PRIVATE | SCENARIO_READERS_BLOCK });
    return tap_done();
}
