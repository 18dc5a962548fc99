/* verify.h - recorded cases: reading them, running a net on them, comparing rung by rung.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_NET_VERIFY_H
#define ORF_NET_VERIFY_H

#include "net/config.h"
#include "net/net.h"

typedef struct {
    OrfTask *task;
    const char *folder;
    OrfCheckpoint *record;  /* case.safetensors */
    OrfCheckpoint *weights; /* NULL: the case has none of its own */
    OrfConfig *config;      /* NULL: none */
    OrfCompute *c;
    OrfVerifyFn each;
    void *data;
    const char *prefix;            /* of the rungs' names in the record: "mid." */
    const char *const (*names)[2]; /* rung, recorded name; ends in NULL */
    double block_limit, end_limit;
    bool bad;
} OrfCase;

/* Values of a recorded array (orf_free); NULL: fails, or is not there when `ret_shape` is NULL.
 */
float *orf_case_values(OrfCase *it, const char *name, OrfShape *ret_shape);
OrfTensor *orf_case_tensor(OrfCase *it, const char *name);
bool orf_case_has(const OrfCase *it, const char *name);
/* Compares with the recorded array of that name; heads may be laid out differently. */
void orf_case_compare(OrfCase *it, const char *name, const OrfTensor *tensor, double limit);
void orf_case_compare_values(OrfCase *it, const char *name, const float *values, size_t n,
                             double limit);
/* Share of bytes that differ by more than `slack`. */
void orf_case_compare_bytes(OrfCase *it, const char *name, const uint8_t *bytes, size_t n,
                            unsigned slack, double limit);
/* Reports one figure. */
void orf_case_tell(OrfCase *it, const char *name, double error, double limit);
/* From now on rungs are compared (names with `prefix`), or not (NULL). */
void orf_case_watch(OrfCase *it, const char *prefix);
char *orf_case_file(const OrfCase *it, const char *name);

/* One kind of recorded case. */
typedef struct {
    const char *needs;  /* an array of the record by which the kind is known */
    const char *weight; /* and one of the weights, or NULL */
    void (*run)(OrfCase *it);
} OrfCaseKind;
extern const OrfCaseKind orf_cases_hunyuan[], orf_cases_triposr[], orf_cases_matting[],
    orf_cases_triposg[], orf_cases_chain[], orf_cases_volume[]; /* each ends in NULL */

#endif
