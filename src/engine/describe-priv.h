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

#endif
