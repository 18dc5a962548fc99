/* cairo-priv.h - Cairo's objects, freed when they leave their scope.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_CAIRO_PRIV_H
#define ORF_CAIRO_PRIV_H

#include <cairo.h>
#include <glib.h>

typedef cairo_t OrfCairo;
typedef cairo_surface_t OrfCairoSurface;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfCairo, cairo_destroy)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfCairoSurface, cairo_surface_destroy)

#endif
