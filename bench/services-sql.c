/*
 * The tables, and the one statement that all sides run, in each dialect.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include "services.h"

static const struct {
    const char *id, *larger, *new_from, *new_to;
} words[] = {
    [DIALECT_MYSQL] = { "BIGINT AUTO_INCREMENT PRIMARY KEY", "GREATEST", "VALUES(", ")" },
    [DIALECT_POSTGRES] = { "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "GREATEST", "excluded.", "" },
    [DIALECT_SQLITE] = { "INTEGER PRIMARY KEY", "MAX", "excluded.", "" },
};

const char *sql_table_name(int service)
{
    static const char *const names[] = { "assets",    "service_0", "service_1", "service_2", "service_3", "service_4",
                                         "service_5", "service_6", "service_7", "service_8", "service_9" };
    return names[service + 1];
}

static const char *key(int service)
{
    return service == SHARED ? "symbol" : "symbol, slot";
}

void sql_table(char out[SQL_MAX], enum dialect d, int service)
{
    snprintf(out, SQL_MAX,
             "CREATE TABLE %s (id %s, symbol VARCHAR(16) NOT NULL, %s n BIGINT NOT NULL, total BIGINT NOT NULL, newest "
             "BIGINT NOT NULL, UNIQUE (%s))",
             sql_table_name(service), words[d].id, service == SHARED ? "" : "slot INT NOT NULL,", key(service));
}

static void conflict(char out[64], enum dialect d, int service)
{
    if (d == DIALECT_MYSQL)
        snprintf(out, 64, "ON DUPLICATE KEY UPDATE");
    else
        snprintf(out, 64, "ON CONFLICT (%s) DO UPDATE SET", key(service));
}

void sql_upsert(char out[SQL_MAX], enum dialect d, int service, const char *rows)
{
    char on_conflict[64];
    const char *table = sql_table_name(service), *from = words[d].new_from, *to = words[d].new_to;
    conflict(on_conflict, d, service);
    snprintf(out, SQL_MAX,
             "INSERT INTO %s (%s, n, total, newest) %s %s n = %s.n + %sn%s, total = %s.total + %stotal%s, newest = "
             "%s(%s.newest, %snewest%s)",
             table, key(service), rows, on_conflict, table, from, to, table, from, to, words[d].larger, table, from,
             to);
}

void sql_upsert_marked(char out[SQL_MAX], enum dialect d, int service, int rows)
{
    char marks[SQL_MAX / 4] = "VALUES ";
    for (int i = 0; i < rows; i++) {
        strcat(marks, i ? ", " : "");
        strcat(marks, service == SHARED ? "(?, ?, ?, ?)" : "(?, ?, ?, ?, ?)");
    }
    sql_upsert(out, d, service, marks);
}

void sql_upsert_row(char out[SQL_MAX], enum dialect d, int service, const struct operation *o, const struct item *i)
{
    char row[200], slot[16] = "";
    if (service != SHARED)
        snprintf(slot, sizeof slot, "%d, ", o->slot);
    snprintf(row, sizeof row, "VALUES ('%s', %s1, %lld, %lld)", i->symbol, slot, (long long)i->total,
             (long long)i->newest);
    sql_upsert(out, d, service, row);
}
