/* describe-priv.h - pieces of JSON that several answers share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_ENGINE_DESCRIBE_PRIV_H
#define ORF_ENGINE_DESCRIBE_PRIV_H

#include "asset/asset.h"

/* [{"name","type","unit","minimum","maximum","choices","default","help"},...] */
void orf_describe_params(OrfJson *json, const char *key, const OrfParam *params, size_t n);
/* The members of orf_asset_measures_json, into an open object. */
void orf_describe_measures(OrfJson *json, const OrfAsset *asset, const OrfMeasures *measures);
/* The same, and what is wrong: verdict, score, defects with their places; `all`: every face of
 * them, else some. Into an open object. */
void orf_describe_inspection(OrfJson *json, const OrfAsset *asset,
                             const OrfInspection *inspection, bool all);
/* "faces" or "vertices" with the defect, and "at_mm", the first of them. */
void orf_describe_places(OrfJson *json, const OrfMesh *mesh, const OrfInspection *inspection,
                         OrfDefect defect, bool all);
/* For people: the verdict and a line for each fact. Caller owns. */
char *orf_inspection_text(const OrfInspection *inspection);

#endif
