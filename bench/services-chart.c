/*
 * The runs of a database as a chart: a bar a mode, and a panel a workload.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "services.h"

enum { WIDTH = 860, LEFT = 220, BAR = 16, STEP = 22, HEAD = 56, FOOT = 18, LONGEST = 460 };

static const char *color(const struct mode *m)
{
    static const char *const colors[] = { [BARE] = "#b23b3b", [WEIR] = "#2f6f9f", [HAND] = "#8a8a8a" };
    return colors[m->side];
}

static double most(const struct table *t)
{
    double found = 0;
    for (int i = 0; i < t->count; i++)
        if (median(t, &t->rows[i], ratio_to_before) > found)
            found = median(t, &t->rows[i], ratio_to_before);
    return found;
}

static double failed(const struct figures *f, const struct figures *before)
{
    (void)before;
    return f->failed;
}

static void draw_row(FILE *f, const struct table *t, const struct row *r, int y, double longest)
{
    const double ratio = median(t, r, ratio_to_before), share = median(t, r, failed);
    const double width = longest > 0 ? ratio / longest * LONGEST : 0;
    fprintf(f, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", LEFT - 8, y + BAR - 4, r->mode->name);
    fprintf(f, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", LEFT, y, width, BAR,
            color(r->mode));
    fprintf(f, "<text x=\"%.1f\" y=\"%d\">%.2f", LEFT + width + 6, y + BAR - 4, ratio);
    if (share > 0)
        fprintf(f, ", %.1f %% failed", share);
    fprintf(f, "</text>\n");
}

static int draw_table(FILE *f, const struct table *t, int y)
{
    const double longest = most(t);
    fprintf(f, "<text x=\"12\" y=\"%d\" font-weight=\"bold\">%s, %s: %s</text>\n", y + 22, t->database->name,
            t->workload->name, t->workload->title);
    fprintf(f, "<text x=\"12\" y=\"%d\">operations a second, against before</text>\n", y + 40);
    y += HEAD;
    for (int i = 0; i < t->count; i++, y += STEP)
        draw_row(f, t, &t->rows[i], y, longest);
    return y + FOOT;
}

static int height(const struct table *tables, int count)
{
    int sum = 0;
    for (int i = 0; i < count; i++)
        sum += HEAD + tables[i].count * STEP + FOOT;
    return sum;
}

bool chart_write(const char *path, const struct table *tables, int count)
{
    const int all = height(tables, count);
    FILE *f = fopen(path, "w");
    if (!f)
        return false;
    fprintf(f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" "
            "font-size=\"12\">\n<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n",
            WIDTH, all, WIDTH, all);
    for (int i = 0, y = 0; i < count; i++)
        y = draw_table(f, &tables[i], y);
    fprintf(f, "</svg>\n");
    return fclose(f) == 0;
}
