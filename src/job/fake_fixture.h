/* fake_fixture.h - an engine for tests: runs small scripts, stops at gates, keeps a log.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An operation is a script. Its letters are done one after the other:
 *     p m f d   tell the stage preview, medium, final, finished
 *     P         preview, of bytes that no other run makes
 *     g         wait until the test opens the gate, or the task is cancelled
 *     o         progress of a half        l   log a remark
 *     b u x     fail as BUSY, UNAVAILABLE, BAD_INPUT       B   fail as BUSY in the first
 * attempt only */
#ifndef ORF_JOB_FAKE_FIXTURE_H
#define ORF_JOB_FAKE_FIXTURE_H

#include "job/job-priv.h"
#include "store/folder_test.h"

typedef struct {
    GMutex lock;
    GCond changed;
    unsigned at_gate, open;   /* runs that wait; how many may pass */
    unsigned runs, now, most; /* begun, going on, most at one time */
    unsigned batch, memory;   /* what the callbacks answer; memory: runs at one time, 0: any */
    unsigned reserved;
    OrfStore *store;
    GString *log; /* "<id or script>:<what> ..." */
    size_t largest_batch;
} Fake;

void fake_init(Fake *fake);
void fake_clear(Fake *fake);
OrfWork fake_work(Fake *fake);
void fake_open(Fake *fake, unsigned n);         /* lets so many more pass */
void fake_wait_at_gate(Fake *fake, unsigned n); /* until exactly so many wait there */
char *fake_log(Fake *fake);

/* A request of this script; kept for the process. */
OrfJobRequest *script(const char *text);

/* A store, a fake and a queue. */
typedef struct {
    char *dir;
    OrfStore *store;
    Fake fake;
    OrfQueueOptions options;
    OrfQueue *queue;
} Bench;

void bench_init(Bench *bench, OrfQueueOptions options);
void bench_reopen(Bench *bench); /* as if the process had ended and begun again */
void bench_crash(Bench *bench);  /* the same without any of the farewells */
void bench_clear(Bench *bench);

/* Adds a job that runs `script`; `key` NULL: not shared. */
char *bench_add(Bench *bench, const char *script, const char *key);
char *bench_wish(Bench *bench, OrfWish wish);
/* Waits for its end; the status it came to. */
OrfJobStatus bench_wait(Bench *bench, const char *id);
void bench_wait_status(Bench *bench, const char *id, OrfJobStatus status);
OrfJobStatus bench_status(Bench *bench, const char *id);
/* Does it show this stage? */
bool bench_shows(const OrfJobView *view, const char *stage);
/* Everything a new listener hears after `after` until the end: "1:snapshot 2:stage ...". */
char *bench_events(Bench *bench, const char *id, uint64_t after);

#endif
