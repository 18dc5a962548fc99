/* cutout-net.h - the cut-out by a matting net that is installed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_ENGINE_CUTOUT_NET_H
#define ORF_ENGINE_CUTOUT_NET_H

#include "engine/engine.h"

/* While the engine is opened: matting nets in its folders cut out subjects from now on. */
void orf_engine_offer_cutout(OrfEngine *engine);

#endif
