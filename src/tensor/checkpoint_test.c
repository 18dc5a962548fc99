/* Every container of tests/data/nets with the outcome its manifest names.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tensor/tensor-priv.h"

#include <math.h>
#include <string.h>

static char *
data_path(const char *folder, const char *file)
{
    return g_build_filename(g_getenv("G_TEST_SRCDIR"), "tests", "data", "nets", folder, file,
                            NULL);
}

/* "ok", "warn", "refuse" or "ok-no-tensors": one of those the manifest allows. */
static void
check_outcome(const char *folder, const char *file, const char *allowed)
{
    g_autofree char *path = data_path(folder, file);
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .memory = (size_t)256 << 20 });
    g_autoptr(OrfCheckpoint) checkpoint = orf_checkpoint_open(
        task, path, &(OrfCheckpointOpen){ .max_bytes = (uint64_t)1 << 30 }, &error);
    const char *outcome = !checkpoint                          ? "refuse"
                          : orf_checkpoint_warning(checkpoint) ? "warn"
                                                               : "ok";
    g_auto(GStrv) any = g_strsplit(allowed, "|", -1);
    bool fits = g_strv_contains((const char *const *)any, outcome) ||
                (checkpoint && g_strv_contains((const char *const *)any, "ok"));
    if (checkpoint && orf_checkpoint_n(checkpoint) == 0)
        fits |= g_strv_contains((const char *const *)any, "ok-no-tensors");
    if (!fits)
        g_test_message("%s: %s, expected %s (%s)", file, outcome, allowed,
                       error ? error->message : "-");
    g_assert_true(fits);
    g_assert_true(!error || error->domain == ORF_ERROR);
}

static void
walk_manifest(const char *folder)
{
    g_autofree char *path = data_path(folder, "manifest.tsv"), *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);
    for (size_t i = 1; lines[i]; i++) {
        g_auto(GStrv) cells = g_strsplit(lines[i], "\t", 3);
        if (strstr(cells[0], "zip_crc")) /* only looked at when asked */
            continue;
        check_outcome(folder, cells[0], cells[1]);
    }
}

static void
containers_end_as_their_manifest_says(void)
{
    walk_manifest("checkpoint-formats");
    walk_manifest("gguf-container");
}

static void
checksums_are_verified_when_asked(void)
{
    g_autofree char *path = data_path("checkpoint-formats", "hostile/zip_crc.ckpt");
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfCheckpoint) checkpoint =
        orf_checkpoint_open(NULL, path, &(OrfCheckpointOpen){ .check = true }, &error);
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
}

static void
kinds_of_wrong_files_are_named(void)
{
    static const struct {
        const char *file, *word;
    } cases[] = {
        { "hostile/git_lfs_pointer.ckpt", "Git LFS" },
        { "hostile/not_a_checkpoint.ckpt", "web page" },
        { "hostile/pt_legacy.ckpt", "re-save" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = data_path("checkpoint-formats", cases[i].file);
        g_autoptr(GError) error = NULL;
        g_assert_null(orf_checkpoint_open(NULL, path, NULL, &error));
        g_assert_nonnull(strstr(error->message, cases[i].word));
    }
}

static OrfCheckpoint *
open_data(const char *folder, const char *file)
{
    g_autofree char *path = data_path(folder, file);
    g_autoptr(GError) error = NULL;
    OrfCheckpoint *checkpoint = orf_checkpoint_open(NULL, path, NULL, &error);
    g_assert_no_error(error);
    return checkpoint;
}

static bool
same_number(float a, float b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

/* Names, shapes and every value, bit for bit (NaN by kind). */
static void
expect_same(const OrfCheckpoint *is, const OrfCheckpoint *should)
{
    g_assert_cmpuint(orf_checkpoint_n(is), >=, orf_checkpoint_n(should));
    for (size_t i = 0; i < orf_checkpoint_n(should); i++) {
        const OrfEntry *want = orf_checkpoint_entry(should, i);
        const OrfEntry *have = orf_checkpoint_find(is, want->name);
        g_assert_nonnull(have);
        g_assert_cmpmem(have->shape, (int)(have->rank * sizeof(uint64_t)), want->shape,
                        (int)(want->rank * sizeof(uint64_t)));
        g_autofree float *a = g_new(float, MAX(want->count, 1));
        g_autofree float *b = g_new(float, MAX(want->count, 1));
        g_assert_true(orf_entry_read(have, a, NULL) && orf_entry_read(want, b, NULL));
        for (uint64_t k = 0; k < want->count; k++)
            if (!same_number(a[k], b[k]))
                g_error("%s[%u]: %g, should be %g", want->name, (unsigned)k, a[k], b[k]);
    }
}

static void
values_are_those_of_the_reference(void)
{
    static const char *const cases[][3] = {
        { "checkpoint-formats", "valid/st_all_dtypes.safetensors",
          "valid/st_all_dtypes.as_f32.safetensors" },
        { "checkpoint-formats", "valid/pt_state_dict.ckpt",
          "valid/pt_state_dict.ckpt.expect.safetensors" },
        { "checkpoint-formats", "valid/pt_parameters.pth",
          "valid/pt_parameters.pth.expect.safetensors" },
        { "checkpoint-formats", "valid/pt_nested.ckpt",
          "valid/pt_nested.ckpt.expect.safetensors" },
        { "checkpoint-formats", "valid/pt_components.ckpt",
          "valid/pt_components.ckpt.expect.safetensors" },
        { "checkpoint-formats", "valid/pt_many_items.pt",
          "valid/pt_many_items.pt.expect.safetensors" },
        { "checkpoint-formats", "valid/pt_slice_of_big.pt",
          "valid/pt_slice_of_big.pt.expect.safetensors" },
        { "gguf-blocks", "blocks.gguf", "blocks.expect.safetensors" },
        { "gguf-container", "valid/plain.gguf", "valid/expect.safetensors" },
        { "gguf-container", "valid/by_gguf_py.gguf", "valid/expect.safetensors" },
        { "gguf-container", "valid/offsets_unsorted.gguf", "valid/expect.safetensors" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", cases[i][1]);
        g_autoptr(OrfCheckpoint) is = open_data(cases[i][0], cases[i][1]);
        g_autoptr(OrfCheckpoint) should = open_data(cases[i][0], cases[i][2]);
        expect_same(is, should);
    }
}

static void
a_flattened_shape_is_restored(void)
{
    g_autoptr(OrfCheckpoint) checkpoint = open_data("gguf-container", "valid/orig_shape.gguf");
    const OrfEntry *entry = orf_checkpoint_find(checkpoint, "conv");
    static const uint64_t shape[] = { 2, 2, 1, 1, 2 };
    g_assert_cmpmem(entry->shape, (int)(entry->rank * sizeof shape[0]), shape, sizeof shape);
}

/* 119 convolutions, named by the modules that use them. */
static void
onnx_weights_carry_the_names_of_their_modules(void)
{
    g_autoptr(OrfCheckpoint) onnx = open_data("matting-isnet", "isnet_tiny_fp16.onnx");
    g_assert_cmpuint(orf_checkpoint_n(onnx), ==, 238);
    const OrfEntry *dilated = orf_checkpoint_find(onnx, "stage1.rebnconv7.conv_s1.weight");
    g_assert_nonnull(dilated);
    g_assert_cmpuint(dilated->dilation, ==, 2);
    g_assert_cmpuint(orf_checkpoint_find(onnx, "conv_in.weight")->step, ==, 2);
    g_assert_cmpint(dilated->dtype, ==, ORF_DTYPE_F16);
}

static void
halves_survive_a_round_trip(void)
{
    for (unsigned bits = 0; bits < 0x10000; bits++) {
        float value = orf_dtype_f16((uint16_t)bits);
        uint16_t again;
        orf_dtype_f32_to_f16(&value, &again, 1);
        g_assert_true(again == bits || isnan(value));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tensor/checkpoint/containers-end-as-their-manifest-says",
                    containers_end_as_their_manifest_says);
    g_test_add_func("/tensor/checkpoint/checksums-are-verified-when-asked",
                    checksums_are_verified_when_asked);
    g_test_add_func("/tensor/checkpoint/kinds-of-wrong-files-are-named",
                    kinds_of_wrong_files_are_named);
    g_test_add_func("/tensor/checkpoint/values-are-those-of-the-reference",
                    values_are_those_of_the_reference);
    g_test_add_func("/tensor/checkpoint/a-flattened-shape-is-restored",
                    a_flattened_shape_is_restored);
    g_test_add_func("/tensor/checkpoint/onnx-weights-carry-the-names-of-their-modules",
                    onnx_weights_carry_the_names_of_their_modules);
    g_test_add_func("/tensor/checkpoint/halves-survive-a-round-trip",
                    halves_survive_a_round_trip);
    return g_test_run();
}
