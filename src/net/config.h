/* config.h - the settings that lie beside a checkpoint: YAML as published, or JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_NET_CONFIG_H
#define ORF_NET_CONFIG_H

#include "base/base.h"

typedef struct OrfConfig OrfConfig;
/* Block maps, anchors on scalars, comments, quotes; or JSON. Lists are passed over. Errors:
 * BAD_INPUT with the line. */
OrfConfig *orf_config_parse(const char *text, size_t size, const char *name, GError **error);
OrfConfig *orf_config_load(const char *path, GError **error); /* at most 1 MiB */
void orf_config_free(OrfConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfConfig, orf_config_free)

/* The scalar at "vae.params.width", or NULL. ${a.b} is followed once. */
const char *orf_config_text(const OrfConfig *config, const char *path);
double orf_config_number(const OrfConfig *config, const char *path, double otherwise);
bool orf_config_bool(const OrfConfig *config, const char *path, bool otherwise);

#endif
