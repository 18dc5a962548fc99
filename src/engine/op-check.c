/* op-check.c - check: does a mesh pass? For continuous integration.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Results are a list as SARIF 2.1 has it: a rule, a level, a message, a place. */
#include "engine/describe-priv.h"
#include "engine/operation-priv.h"

#include <string.h>

static const OrfParam params[] = {
    ORF_TEXT(
        "fail-on", 0, 400, "unprintable",
        "What makes it fail: unprintable, any, none, or names of defects joined by commas: "
        "open-edges, nonmanifold-edges, nonmanifold-vertices, misoriented, degenerate, "
        "duplicate, crossings, inverted, hidden-rooms, inner-shells, double-walls, crumbs, "
        "unused-vertices."),
    ORF_INT("least-score", 0, 100, "0", "It also fails with a quality score below this."),
    ORF_BOOL("all", "false", "List every face of a defect, not the first sixteen."),
};

static const OrfStep steps[] = { { "load", 30 }, { "inspect", 70 } };

/* --- What fails --------------------------------------------------------------------------- */

static int
defect_by_name(const char *name)
{
    for (int d = 0; d < ORF_N_DEFECTS; d++)
        if (g_str_equal(orf_defect_info((OrfDefect)d)->name, name))
            return d;
    return -1;
}

/* Bits of the defects that fail. */
static bool
parse_fail_on(const char *text, unsigned *ret_bits, GError **error)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    *ret_bits = 0;
    for (char **word = words; *word; word++) {
        const char *name = g_strstrip(*word);
        int defect = defect_by_name(name);
        if (defect >= 0)
            *ret_bits |= 1u << defect;
        else if (g_str_equal(name, "any"))
            *ret_bits = (1u << ORF_N_DEFECTS) - 1;
        else if (!g_str_equal(name, "unprintable") && !g_str_equal(name, "none"))
            return ORF_FALSE(error, BAD_INPUT,
                             "fail-on: \"%s\" is no defect; \"orfeas mesh check --help\" lists "
                             "them",
                             name);
        for (int d = 0; d < ORF_N_DEFECTS && g_str_equal(name, "unprintable"); d++)
            *ret_bits |= (unsigned)orf_defect_info((OrfDefect)d)->unprintable << d;
    }
    return true;
}

/* --- Results ------------------------------------------------------------------------------ */

typedef struct {
    const OrfMesh *mesh;
    const OrfInspection *in;
    unsigned fails; /* bits of defects */
    unsigned least; /* score */
    bool all;
} Check;

static bool
passes(const Check *check)
{
    for (int d = 0; d < ORF_N_DEFECTS; d++)
        if (check->in->count[d] && (check->fails >> d & 1))
            return false;
    bool empty = check->in->measures.triangles == 0 && check->fails;
    return check->in->score >= check->least && !empty;
}

static char *
facts_of(const Check *check)
{
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_bool(json, "passed", passes(check));
    orf_json_add_text(json, "verdict", orf_inspection_verdict(check->in));
    orf_json_add_int(json, "score", check->in->score);
    orf_json_begin_array(json, "results");
    for (int d = 0; d < ORF_N_DEFECTS; d++) {
        const OrfDefectInfo *info = orf_defect_info((OrfDefect)d);
        if (!check->in->count[d])
            continue;
        g_autofree char *message = g_strdup_printf("%zu %s", check->in->count[d], info->says);
        orf_json_begin_object(json, NULL);
        orf_json_add_text(json, "rule", info->name);
        orf_json_add_text(json, "level", check->fails >> d & 1 ? "error" : "warning");
        orf_json_add_text(json, "message", message);
        orf_json_add_int(json, "count", (int64_t)check->in->count[d]);
        orf_describe_places(json, check->mesh, check->in, (OrfDefect)d, check->all);
        orf_json_end(json);
    }
    orf_json_end(json);
    orf_json_end(json);
    return orf_json_steal(json);
}

static char *
text_of(const Check *check)
{
    GString *out = g_string_new(passes(check) ? "passed" : "failed");
    g_string_append_printf(out, ": %s, score %u of 100", orf_inspection_verdict(check->in),
                           check->in->score);
    if (check->in->score < check->least)
        g_string_append_printf(out, "\n  error    score %u is below %u", check->in->score,
                               check->least);
    for (int d = 0; d < ORF_N_DEFECTS; d++)
        if (check->in->count[d])
            g_string_append_printf(out, "\n  %-8s %s: %zu %s",
                                   check->fails >> d & 1 ? "error" : "warning",
                                   orf_defect_info((OrfDefect)d)->name, check->in->count[d],
                                   orf_defect_info((OrfDefect)d)->says);
    return g_string_free(out, FALSE);
}

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    unsigned fails;
    if (!parse_fail_on(orf_params_text(order->params, "fail-on"), &fails, error))
        return false;
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(GPtrArray) assets = orf_order_load(orf_task_step(task), order, error);
    g_auto(OrfInspection) in = { 0 };
    if (!assets || !orf_mesh_inspect(orf_task_step(task), orf_asset_mesh(assets->pdata[0]),
                                     false, &in, error))
        return false;
    Check check = { .mesh = orf_asset_mesh(assets->pdata[0]),
                    .in = &in,
                    .fails = fails,
                    .least = (unsigned)orf_params_int(order->params, "least-score"),
                    .all = orf_params_bool(order->params, "all") };
    outcome->facts = facts_of(&check);
    outcome->text = text_of(&check);
    outcome->failed = !passes(&check);
    return true;
}

const OrfOperation orf_operation_check = {
    .name = "check",
    .command = "mesh check",
    .title = "pass or fail, for scripts: exit code 1 when it has a defect that counts",
    .help = "Looks for everything that keeps a model from being printed, says where it is, and "
            "fails when one of the defects named is there.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .takes = ORF_TAKES_ASSETS,
    .least = 1,
    .most = 1,
    .makes = ORF_MAKES_FACTS,
    .run = run,
};
