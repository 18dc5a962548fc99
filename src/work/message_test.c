/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memfd_create */
#include "work/message.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* --- Samples ------------------------------------------------------------------------------ */

static char *digests[] = { "aa", "bb", NULL };
static char *nothing[] = { NULL };
static char *notes[] = { "a hole of 3 px was filled", "", "zwölf Löcher", NULL };

static const OrfMessage samples[] = {
    { .type = ORF_MESSAGE_HELLO, .version = "0.1.0", .text = "seccomp, landlock 7" },
    { .type = ORF_MESSAGE_RUN,
      .run = UINT64_MAX,
      .id = "job_1",
      .kind = "generate/auto",
      .operation = "generate",
      .attempt = 2,
      .cores = 8,
      .memory = 1,
      .inputs = digests,
      .input_names = digests,
      .settings = digests,
      .yaws = { NAN, 90 },
      .masked = true,
      .light = true },
    { .type = ORF_MESSAGE_RUN, .inputs = nothing, .input_names = nothing, .settings = nothing },
    { .type = ORF_MESSAGE_GO, .run = 7 },
    { .type = ORF_MESSAGE_CANCEL, .run = 8 },
    { .type = ORF_MESSAGE_BEAT },
    { .type = ORF_MESSAGE_PROGRESS, .run = 1, .step = "final: mesh", .fraction = 0.25 },
    { .type = ORF_MESSAGE_STAGE,
      .run = 1,
      .stage = 3,
      .same = true,
      .vertices = 12,
      .triangles = 20,
      .took_s = 1.5,
      .generator = "inflate",
      .media = "model/gltf-binary",
      .extension = "glb" },
    { .type = ORF_MESSAGE_RESULT,
      .generator = "inflate",
      .reason = "",
      .confidence = 0.5,
      .measures = "{}",
      .notes = notes,
      .facts = "{\"holes\":3}",
      .format = "stl",
      .vertices = 8,
      .triangles = 12,
      .size_mm = { 10, 20, 0.5 },
      .solid = true,
      .took_s = 2,
      .peak = 1 << 20 },
    { .type = ORF_MESSAGE_FAILED, .run = 1, .code = 3, .text = "no", .notes = NULL },
};

static GBytes *
encode(const OrfMessage *message)
{
    g_autoptr(GError) error = NULL;
    GBytes *bytes = orf_message_encode(message, &error);
    g_assert_no_error(error);
    return bytes;
}

static OrfMessage *
decode(GBytes *bytes)
{
    g_autoptr(GError) error = NULL;
    size_t size;
    const void *data = g_bytes_get_data(bytes, &size);
    OrfMessage *message = orf_message_decode(data, size, &error);
    g_assert_no_error(error);
    return message;
}

/* --- Sentences ---------------------------------------------------------------------------- */

static void
what_was_written_is_read(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
        g_autoptr(GBytes) bytes = encode(&samples[i]);
        g_autoptr(OrfMessage) read = decode(bytes);
        g_autoptr(GBytes) again = encode(read);
        g_assert_cmpint(read->type, ==, samples[i].type);
        g_assert_true(g_bytes_equal(bytes, again));
    }
    g_autoptr(GBytes) bytes = encode(&samples[8]);
    g_autoptr(OrfMessage) read = decode(bytes);
    g_assert_cmpstrv(read->notes, notes);
    g_assert_cmpstr(read->reason, ==, "");
    g_assert_null(read->runner_up);
    g_assert_cmpfloat(read->confidence, ==, 0.5);
    g_assert_cmpfloat(read->size_mm[1], ==, 20);
    g_assert_true(read->solid);
}

/* Cut anywhere, or with a byte too many, it is no message. */
static void
a_message_is_whole_or_refused(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
        g_autoptr(GBytes) bytes = encode(&samples[i]);
        size_t size;
        const uint8_t *data = g_bytes_get_data(bytes, &size);
        for (size_t n = 0; n < size; n++) {
            g_autofree uint8_t *cut = g_memdup2(data, n);
            g_assert_null(orf_message_decode(cut, n, NULL));
        }
        g_autofree uint8_t *more = g_malloc0(size + 1);
        memcpy(more, data, size);
        g_assert_null(orf_message_decode(more, size + 1, NULL));
    }
}

static void
refuses(const OrfMessage *sample, size_t at, uint8_t byte)
{
    g_autoptr(GBytes) bytes = encode(sample);
    g_autoptr(GError) error = NULL;
    size_t size;
    uint8_t *data = g_bytes_unref_to_data(g_steal_pointer(&bytes), &size);
    data[at] = byte;
    g_assert_null(orf_message_decode(data, size, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    g_free(data);
}

static void
nonsense_is_refused(void)
{
    const OrfMessage *beat = &samples[5], *progress = &samples[6], *stage = &samples[7];
    refuses(beat, 0, 'X'); /* magic */
    refuses(beat, 2, 9);   /* version */
    refuses(beat, 3, 0);   /* types */
    refuses(beat, 3, 200);
    refuses(beat, 4, ORF_MESSAGE_FDS + 1);   /* descriptors */
    refuses(beat, 11, 1);                    /* size */
    refuses(progress, 12 + 8, 255);          /* a text longer than the message */
    refuses(progress, 12 + 8 + 4, 0xff);     /* no UTF-8 */
    refuses(progress, 12 + 8 + 4, 0);        /* a NUL in a text */
    refuses(stage, 12 + 47, 0x7f);           /* not a number */
    refuses(stage, 12 + 16, 2);              /* neither true nor false */
    refuses(&samples[9], 12 + 8 + 8 + 3, 1); /* beyond what the field allows */
}

static void
what_is_too_long_is_not_sent(void)
{
    g_autofree char *step = g_strnfill(300, 'x');
    g_autoptr(GError) error = NULL;
    OrfMessage message = { .type = ORF_MESSAGE_PROGRESS, .step = step };
    g_assert_null(orf_message_encode(&message, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
}

/* --- Channel ------------------------------------------------------------------------------ */

typedef struct {
    OrfChannel *here, *there;
    int raw; /* of `here`; it is the channel's */
} Line;

static void
line_open(Line *line)
{
    int fds[2];
    g_assert_true(orf_channel_pair(fds, NULL));
    line->raw = fds[0];
    line->here = orf_channel_new(fds[0]);
    line->there = orf_channel_new(fds[1]);
}

static void
line_close(Line *line)
{
    orf_channel_free(line->here);
    orf_channel_free(line->there);
}

static void
bytes_travel_beside_a_message(void)
{
    Line line;
    line_open(&line);
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) sent = g_bytes_new("a model", 7);
    OrfMessage out = { .type = ORF_MESSAGE_STAGE, .run = 5, .n_fds = 1 };
    out.fds[0] = orf_sealed_new(sent, &error);
    g_assert_no_error(error);
    g_assert_true(orf_channel_send(line.here, &samples[5], &error));
    g_assert_true(orf_channel_send(line.here, &out, &error));
    close(out.fds[0]);

    g_autoptr(OrfMessage) beat = orf_channel_receive(line.there, &error);
    g_assert_cmpint(beat->type, ==, ORF_MESSAGE_BEAT);
    g_autoptr(OrfMessage) in = orf_channel_receive(line.there, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(in->n_fds, ==, 1);
    g_autoptr(GBytes) got = orf_descriptor_map(in->fds[0], true, &error);
    g_assert_no_error(error);
    g_assert_true(g_bytes_equal(sent, got));
    g_assert_cmpint(ftruncate(in->fds[0], 1), !=, 0);
    line_close(&line);
}

static void
an_end_is_told_from_a_break(void)
{
    Line line;
    line_open(&line);
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) whole = encode(&samples[1]);
    size_t size;
    const void *data = g_bytes_get_data(whole, &size);
    g_assert_cmpint(write(line.raw, data, size - 1), ==, size - 1);
    g_clear_pointer(&line.here, orf_channel_free);
    g_assert_null(orf_channel_receive(line.there, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_UNAVAILABLE);
    line_close(&line);

    line_open(&line);
    g_clear_error(&error);
    g_clear_pointer(&line.here, orf_channel_free);
    g_assert_null(orf_channel_receive(line.there, &error));
    g_assert_no_error(error);
    g_assert_false(orf_channel_send(line.there, &samples[5], &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_UNAVAILABLE);
    line_close(&line);
}

/* Descriptors that are claimed must come. */
static void
descriptors_are_counted(void)
{
    Line line;
    line_open(&line);
    g_autoptr(GError) error = NULL;
    OrfMessage out = { .type = ORF_MESSAGE_BEAT, .n_fds = 1 };
    g_autoptr(GBytes) bytes = encode(&out);
    size_t size;
    const void *data = g_bytes_get_data(bytes, &size);
    g_assert_cmpint(write(line.raw, data, size), ==, size);
    g_assert_null(orf_channel_receive(line.there, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    line_close(&line);
}

/* A file that the other side could still cut would take the reader down. */
static void
what_can_be_changed_is_not_mapped(void)
{
    g_autoptr(GError) error = NULL;
    int open_ended = memfd_create("test", MFD_CLOEXEC), pipes[2]; /* may not be sealed */
    g_assert_cmpint(write(open_ended, "x", 1), ==, 1);
    g_assert_null(orf_descriptor_map(open_ended, true, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    g_clear_error(&error);
    g_assert_cmpint(pipe2(pipes, O_CLOEXEC), ==, 0);
    g_assert_null(orf_descriptor_map(pipes[0], false, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    close(open_ended);
    close(pipes[0]);
    close(pipes[1]);
}

#define TEST(name, fn) g_test_add_func("/work/message/" name, fn)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("what-was-written-is-read", what_was_written_is_read);
    TEST("a-message-is-whole-or-refused", a_message_is_whole_or_refused);
    TEST("nonsense-is-refused", nonsense_is_refused);
    TEST("what-is-too-long-is-not-sent", what_is_too_long_is_not_sent);
    TEST("bytes-travel-beside-a-message", bytes_travel_beside_a_message);
    TEST("an-end-is-told-from-a-break", an_end_is_told_from_a_break);
    TEST("descriptors-are-counted", descriptors_are_counted);
    TEST("what-can-be-changed-is-not-mapped", what_can_be_changed_is_not_mapped);
    return g_test_run();
}
