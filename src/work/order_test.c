/* SPDX-License-Identifier: Apache-2.0 */
#include "work/make.h"

#include <math.h>
#include <string.h>

static OrfJobInput *
picture(const char *digest, const char *name, double yaw)
{
    OrfJobInput *input = g_new0(OrfJobInput, 1);
    *input = (OrfJobInput){ .digest = g_strdup(digest), .name = g_strdup(name), .yaw = yaw };
    return input;
}

static OrfJobRequest *
a_request(void)
{
    OrfJobRequest *request = orf_job_request_new("generate");
    OrfJobSetting *setting = g_new0(OrfJobSetting, 1);
    *setting = (OrfJobSetting){ .name = g_strdup("size"), .text = g_strdup("80mm") };
    request->generator = g_strdup("hull");
    g_ptr_array_add(request->settings, setting);
    g_ptr_array_add(request->inputs, picture("aa", "front.png", 0));
    g_ptr_array_add(request->inputs, picture("bb", "\xff broken", NAN));
    request->mask = picture("cc", NULL, NAN);
    return request;
}

/* Over the wire, as a runner gets it. */
static OrfJobRequest *
travel(const OrfJobRequest *request)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfMessage) order = orf_message_of_request(request, &error);
    g_assert_no_error(error);
    g_autoptr(GBytes) bytes = orf_message_encode(order, &error);
    g_assert_no_error(error);
    size_t size;
    const void *data = g_bytes_get_data(bytes, &size);
    g_autoptr(OrfMessage) came = orf_message_decode(data, size, &error);
    g_assert_no_error(error);
    OrfJobRequest *read = orf_message_request(came, &error);
    g_assert_no_error(error);
    return read;
}

static void
a_request_arrives_as_it_was(void)
{
    g_autoptr(OrfJobRequest) request = a_request(), read = travel(request);
    g_assert_cmpstr(read->operation, ==, "generate");
    g_assert_cmpstr(read->generator, ==, "hull");
    g_assert_cmpstr(orf_job_request_setting(read, "size", NULL), ==, "80mm");
    g_assert_cmpuint(read->inputs->len, ==, 2);
    const OrfJobInput *front = read->inputs->pdata[0], *other = read->inputs->pdata[1];
    g_assert_cmpstr(front->name, ==, "front.png");
    g_assert_cmpfloat(front->yaw, ==, 0);
    g_assert_true(isnan(other->yaw));
    g_assert_cmpstr(other->digest, ==, "bb");
    g_assert_cmpstr(read->mask->digest, ==, "cc");
}

/* What a client calls its file is no reason for a runner to hang up. */
static void
broken_text_is_made_whole(void)
{
    g_autoptr(OrfJobRequest) request = a_request(), read = travel(request);
    const OrfJobInput *other = read->inputs->pdata[1];
    g_assert_true(g_utf8_validate(other->name, -1, NULL));
    g_assert_nonnull(strstr(other->name, "broken"));
}

static void
too_many_inputs_are_refused(void)
{
    g_autoptr(OrfJobRequest) request = a_request();
    g_autoptr(GError) error = NULL;
    for (int i = 0; i < ORF_MESSAGE_FDS; i++)
        g_ptr_array_add(request->inputs, picture("dd", "more.png", NAN));
    g_assert_null(orf_message_of_request(request, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
}

#define TEST(name, fn) g_test_add_func("/work/order/" name, fn)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("a-request-arrives-as-it-was", a_request_arrives_as_it_was);
    TEST("broken-text-is-made-whole", broken_text_is_made_whole);
    TEST("too-many-inputs-are-refused", too_many_inputs_are_refused);
    return g_test_run();
}
