/* fault-child_fixture.h - a queue that is killed, and what it told before.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The test runs itself as a child (`--child DIR SEED MODE`): clients that add, look and cancel
 * at random on a queue whose engine fails at random. The child writes a line on its standard
 * output for everything a client was told, and is killed at a random line. The next child goes
 * on with the same folder. In the end the lines of all lives are checked.
 *
 *     A id key idempotency-key      accepted           E id seq type status progress attempt
 * digest   an event C id                          cancel returned     Q rows jobs at the end */
#ifndef ORF_JOB_FAULT_CHILD_FIXTURE_H
#define ORF_JOB_FAULT_CHILD_FIXTURE_H

#include "job/fake_fixture.h"

#define FAULT_MIX "mix"       /* until it is killed */
#define FAULT_FINISH "finish" /* until every job has come to its end */
#define FAULT_TOLD "told.txt" /* in the folder: "id seq" of the last event that was told */

int fault_child(const char *dir, unsigned seed, const char *mode);

#endif
