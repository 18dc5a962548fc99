/* wish.c - what a server asks around a job: headers of pictures, parameters as they count,
 * sizes of assets.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include "engine/describe-priv.h"

#include "generate/generate.h"

bool
orf_engine_probe(GBytes *picture, const char *name, OrfPictureInfo *ret_info, GError **error)
{
    OrfImageInfo info;
    if (!orf_image_init(error) || !orf_image_probe(picture, name, &info, error))
        return false;
    *ret_info = (OrfPictureInfo){ .width = info.width,
                                  .height = info.height,
                                  .format = info.format,
                                  .has_alpha = info.has_alpha,
                                  .vector = info.vector };
    return true;
}

bool
orf_engine_probe_head(const void *head, size_t size, const char *name, GError **error)
{
    return orf_image_probe_head(head, size, name, error);
}

bool
orf_engine_generator(size_t index, OrfGeneratorInfo *ret)
{
    const OrfGenerator *const *all = orf_generators();
    size_t n = 0;
    while (all[n])
        n++;
    if (index >= n)
        return false;
    const OrfGenerator *generator = all[index];
    *ret = (OrfGeneratorInfo){ .name = generator->name,
                               .title = generator->title,
                               .help = generator->help,
                               .params = generator->params,
                               .n_params = generator->n_params,
                               .min_pictures = generator->min_pictures,
                               .max_pictures = generator->max_pictures };
    return true;
}

const OrfParam *
orf_engine_common_params(size_t *ret_n)
{
    *ret_n = orf_n_common_params;
    return orf_common_params;
}

bool
orf_engine_pictures(const char *name, unsigned *ret_least, unsigned *ret_most, GError **error)
{
    const OrfGenerator *generator = orf_generator_by_name(name);
    if (!generator)
        return ORF_FALSE(error, NOT_FOUND, "no generator \"%s\"", name);
    *ret_least = generator->min_pictures;
    *ret_most = generator->max_pictures;
    return true;
}

OrfAsset *
orf_engine_simplify(OrfTask *task, OrfAsset *asset, size_t triangles, GError **error)
{
    const OrfMesh *mesh = orf_asset_mesh(asset);
    if (orf_mesh_n_triangles(mesh) <= triangles)
        return orf_asset_ref(asset);
    OrfSimplify options = { .triangles = triangles };
    g_autoptr(OrfMesh) fewer = orf_mesh_simplify(task, mesh, &options, error);
    return fewer ? orf_asset_with_mesh(asset, fewer) : NULL;
}

void
orf_engine_count(const OrfAsset *asset, size_t *ret_vertices, size_t *ret_triangles)
{
    *ret_vertices = orf_mesh_n_vertices(orf_asset_mesh(asset));
    *ret_triangles = orf_mesh_n_triangles(orf_asset_mesh(asset));
}

/* --- Assets ------------------------------------------------------------------------------- */

char *
orf_engine_measure(OrfTask *task, OrfAsset *asset, OrfAssetFacts *ret, GError **error)
{
    OrfMeasures m;
    if (!orf_mesh_measure(task, orf_asset_mesh(asset), true, &m, error))
        return NULL;
    *ret = (OrfAssetFacts){ .vertices = m.vertices,
                            .triangles = m.triangles,
                            .solid = orf_measures_solid(&m) };
    for (int i = 0; i < 3; i++)
        ret->size_mm[i] = (double)(m.high[i] - m.low[i]);
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_describe_measures(json, asset, &m);
    orf_json_end(json);
    return orf_json_steal(json);
}
