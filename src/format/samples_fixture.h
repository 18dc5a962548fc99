/* samples_fixture.h - assets that the tests of this room save and load.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_FORMAT_SAMPLES_FIXTURE_H
#define ORF_FORMAT_SAMPLES_FIXTURE_H

#include "format/format.h"

typedef struct {
    const char *name;
    OrfAsset *(*make)(void);
    bool solid; /* closed, so every format must bring it back closed */
} Sample;

extern const Sample samples[];
extern const size_t n_samples;

OrfAsset *sample_cube(void);
OrfAsset *sample_torus(void);   /* uvs with seams, a picture */
OrfAsset *sample_bodies(void);  /* two closed bodies, a material each */
OrfAsset *sample_faces(void);   /* one body, three materials on its faces */
OrfAsset *sample_colored(void); /* vertex colours */
OrfAsset *
sample_touching(void);       /* two textured bodies wall to wall, with vertices of their own */
OrfAsset *sample_soup(void); /* random triangles and unused vertices */

/* A sphere-like body of about n triangles. */
OrfMesh *sample_ball(size_t n);

/* A file that must be refused, and what is said then. */
typedef struct {
    const char *what; /* for the log */
    const char *file;
    size_t size; /* 0: strlen(file) */
    const char *message;
} BadFile;
void assert_refused(const char *format, const BadFile *cases, size_t n);

/* Loads text (or `size` bytes); asserts that it works. */
OrfAsset *load_file(OrfTask *task, const char *format, const void *file, size_t size,
                    const OrfLoad *options);
/* Corner `corner` of triangle `triangle`. */
const float *corner_of(const OrfAsset *asset, size_t triangle, size_t corner);
void assert_point(const float *point, float x, float y, float z);
/* Some note of the task holds `part`. */
void assert_noted(OrfTask *task, const char *part);

/* Saves in one format and loads again; asserts that both work. Files other than the first are
 * handed over as siblings. */
OrfAsset *through(const OrfAsset *asset, const char *format, const OrfSave *options);
/* Finds a file of a GPtrArray of OrfFile by name. */
GBytes *sample_sibling(const char *name, void *files);

#endif
