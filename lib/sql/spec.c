/*
 * Specs of bulk jobs.
 *
 * A small job must not cost more than its rows do by themselves, so nothing is made anew for what has been written before: one that says
 * what an earlier one said has its number, by which a driver finds what it prepared.
 * SPDX-License-Identifier: MIT
 */
#include <stdbool.h>
#include <string.h>
#include <sql/spec.h>

struct spec {
    struct spec *next;
    uint64_t number;
    weir_bulk_spec said; /* its texts and columns lie behind it in one block */
};

/* ---- copies */

size_t spec_room(const weir_bulk_spec *spec)
{
    size_t size = spec->count * sizeof(weir_column) + strlen(spec->table) + 1;
    for (size_t i = 0; i < spec->count; i++)
        size += strlen(spec->columns[i].name) + 1;
    return size;
}

static const char *keep_text(char **room, const char *s)
{
    size_t size = strlen(s) + 1;
    char *copy = memcpy(*room, s, size);
    *room += size;
    return copy;
}

void spec_copy(weir_bulk_spec *copy, void *room, const weir_bulk_spec *spec)
{
    weir_column *columns = room;
    char *texts = (char *)(columns + spec->count);
    *copy = (weir_bulk_spec){ 0 };
    memcpy(copy, spec, spec->size < sizeof *spec ? spec->size : sizeof *spec);
    copy->size = sizeof *copy;
    copy->table = keep_text(&texts, spec->table);
    copy->columns = columns;
    for (size_t i = 0; i < spec->count; i++) {
        columns[i] = spec->columns[i];
        columns[i].name = keep_text(&texts, spec->columns[i].name);
    }
}

/* ---- numbers */

static bool is_same_column(const weir_column *a, const weir_column *b)
{
    return !a->key == !b->key && a->conflict == b->conflict && strcmp(a->name, b->name) == 0;
}

/* What cuts batches and orders rows makes no difference to a statement. */
static bool is_same(const weir_bulk_spec *a, const weir_bulk_spec *b)
{
    bool same = a->count == b->count && !a->insert_only == !b->insert_only && strcmp(a->table, b->table) == 0;
    for (size_t i = 0; i < a->count && same; i++)
        same = is_same_column(&a->columns[i], &b->columns[i]);
    return same;
}

static struct spec *create(struct specs *s, const struct alloc *a, const weir_bulk_spec *spec)
{
    struct spec *fresh = mem_realloc(a, NULL, sizeof *fresh + spec_room(spec));
    if (!fresh)
        return NULL;
    spec_copy(&fresh->said, fresh + 1, spec);
    fresh->number = ++s->numbered;
    return fresh;
}

/* The place of the same, or that behind the last one; the one that was not used for longest goes if there are too many. */
static struct spec **find(struct specs *s, const struct alloc *a, const weir_bulk_spec *spec)
{
    struct spec **at = &s->kept;
    for (unsigned n = 0; *at; at = &(*at)->next) {
        if (is_same(&(*at)->said, spec))
            return at;
        if (++n == SPECS_KEPT) {
            mem_free(a, *at);
            *at = NULL;
            return at;
        }
    }
    return at;
}

const weir_bulk_spec *specs_keep(struct specs *s, const struct alloc *a, const weir_bulk_spec *spec, uint64_t *number)
{
    struct spec **place = find(s, a, spec), *found = *place;
    if (found)
        *place = found->next;
    else
        found = create(s, a, spec);
    if (!found)
        return NULL;
    found->next = s->kept;
    s->kept = found;
    *number = found->number;
    return &found->said;
}

void specs_end(struct specs *s, const struct alloc *a)
{
    while (s->kept) {
        struct spec *gone = s->kept;
        s->kept = gone->next;
        mem_free(a, gone);
    }
}
