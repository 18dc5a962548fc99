/* report.c - what was measured, for people, for the bench table and as JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <stdio.h>

static double
ms(uint64_t us)
{
    return (double)us / 1000;
}

json_t *
load_report_histogram(const LoadHistogram *h)
{
    return json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "n", (json_int_t)h->n,
                     "min", ms(h->min), "mean", h->n ? ms(h->sum) / (double)h->n : 0, "p50",
                     ms(load_histogram_at(h, 0.5)), "p90", ms(load_histogram_at(h, 0.9)), "p95",
                     ms(load_histogram_at(h, 0.95)), "p99", ms(load_histogram_at(h, 0.99)),
                     "p999", ms(load_histogram_at(h, 0.999)), "max", ms(h->max));
}

static bool
is_flat(const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        if (json_is_object(value) || json_is_array(value))
            return false;
    }
    return true;
}

static void
print_scalar(const json_t *value)
{
    if (json_is_string(value))
        printf("%s", json_string_value(value));
    else if (json_is_real(value))
        printf("%.6g", json_real_value(value));
    else if (json_is_integer(value))
        printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        printf("%s", json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "-");
}

static void
print_flat(const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        printf("  %s ", key);
        print_scalar(value);
    }
    printf("\n");
}

static void
print_member(const char *key, const json_t *value, int depth)
{
    printf("%*s%-16s", depth * 2, "", key);
    if (json_is_object(value) && is_flat(value)) {
        print_flat(value);
    } else if (json_is_object(value)) {
        const char *inner;
        json_t *member;
        printf("\n");
        json_object_foreach((json_t *)value, inner, member)
            print_member(inner, member, depth + 1);
    } else if (json_is_array(value)) {
        size_t i;
        json_t *item;
        printf("  %zu\n", json_array_size(value));
        json_array_foreach(value, i, item) if (json_is_string(item))
            printf("%*s%s\n", depth * 2 + 2, "", json_string_value(item));
    } else {
        printf("  ");
        print_scalar(value);
        printf("\n");
    }
}

void
load_report_print(const json_t *report)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)report, key, value) print_member(key, value, 0);
}

void
load_report_line(const char *name, const json_t *report)
{
    const json_t *line = json_object_get(report, "line_ms");
    const json_t *server = json_object_get(report, "server");
    printf("%s\t%" JSON_INTEGER_FORMAT "\t%.3f\t%.3f\t%" JSON_INTEGER_FORMAT "\t%.0f 1/s\n",
           name, json_integer_value(json_object_get(report, "size")),
           json_number_value(json_object_get(line, "p50")),
           json_number_value(json_object_get(line, "p95")),
           json_integer_value(json_object_get(server, "rss_most")),
           json_number_value(json_object_get(report, "rate_per_s")));
}
