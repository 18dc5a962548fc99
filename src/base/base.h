/* base.h - what every room stands on: errors, tasks, budgets, parameters, digests, log.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_BASE_H
#define ORF_BASE_H

#include <orfeas.h>

/* --- Errors: base/error.c ----------------------------------------------------------------- */

/* Sets `error` (printf style) and yields false, which is also NULL and 0:
 *     return ORF_FAIL(error, BAD_INPUT, "%s: no vertices; export it again", name); */
#define ORF_FAIL(error, code, ...)                                                             \
    (g_set_error((error), ORF_ERROR, ORF_ERROR_##code, __VA_ARGS__), (void *)0)
/* The same for functions that return bool. */
#define ORF_FALSE(error, code, ...)                                                            \
    (g_set_error((error), ORF_ERROR, ORF_ERROR_##code, __VA_ARGS__), false)

typedef struct {
    const char *name;  /* "bad-input": in JSON */
    int http_status;   /* 422 */
    int exit_code;     /* 2.. */
    const char *title; /* one line for tables of exit codes */
} OrfErrorInfo;

/* The row of the one table; `code` out of range gives the row of BUG. */
const OrfErrorInfo *orf_error_info(int code);
/* Exit code of any error: ORF_ERROR by the table, others (GFileError, ...) mapped to the
 * nearest. */
int orf_error_exit_code(const GError *error);

/* --- Tasks: base/task.c, base/parallel.c ----------------------------------------------------
 * Every long call takes an OrfTask first. NULL is allowed: one core, no limits, no progress,
 * never cancelled.
 * Thread-safe: cancel, check, cores, progress, notes, memory and orf_task_parallel. Dividing is
 * not: orf_task_plan and orf_task_step are for the one thread that runs the task or the step
 * they are given, and so is orf_task_limit_cores, before that. */

typedef struct {
    const char *name; /* "": left out of the path that is reported */
    unsigned weight;  /* share of the task's time, in any unit */
} OrfStep;

/* Divides `task` into named, weighted steps. The table is static or outlives the task. */
void orf_task_plan(OrfTask *task, const OrfStep *steps, size_t n_steps);
/* The next step as a task of its own, borrowed from `task`; the step before it is complete. */
OrfTask *orf_task_step(OrfTask *task);
/* Work done in this task or step, 0..1; cheap enough to call from loops. */
void orf_task_progress(OrfTask *task, double fraction);

/* False and CANCELLED when somebody asked for it; true otherwise. */
bool orf_task_check(const OrfTask *task, GError **error);
unsigned orf_task_cores(const OrfTask *task);
/* Uses fewer from now on, at least one: before the run begins, when several share a machine. */
void orf_task_limit_cores(OrfTask *task, unsigned cores);

/* A remark for the user that belongs to the result ("hole of 3 px filled"); at most 64 are
 * kept. */
void orf_task_note(OrfTask *task, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* `body` handles items begin..end-1; called on up to orf_task_cores() threads, each piece at
 * most `grain` items. Returns when all are done, false when the task was cancelled meanwhile.
 * Pieces may run in any order: write only what belongs to your items. */
typedef void (*OrfRangeFn)(size_t begin, size_t end, void *data);
bool
orf_task_parallel(OrfTask *task, size_t n_items, size_t grain, OrfRangeFn body, void *data);

/* --- Engine: what lasts longer than a run: base/engine.c, base/resident.c. Thread-safe -----
 * Device 0 is the CPU; others are added by who opens the engine. What tasks of an engine hold
 * counts against its devices, too. NULL is allowed: one CPU without a limit. */

/* The CPU alone; orf_engine_new also opens the other devices that `options` names. */
OrfEngine *orf_engine_new_bare(const OrfEngineOptions *options);

typedef struct {
    const char *name; /* "cuda:0" */
    size_t memory;    /* bytes of its budget; 0: no limit */
    void *backend;    /* what the room that drives it wants to find again */
    void (*close)(void *backend);
} OrfEngineDevice;
/* While the engine is opened, before it is shared. Yields the index. */
unsigned orf_engine_add_device(OrfEngine *engine, const OrfEngineDevice *device);
unsigned orf_engine_n_devices(const OrfEngine *engine);
const char *orf_engine_device_name(const OrfEngine *engine, unsigned device); /* "cpu" */
void *orf_engine_device_backend(const OrfEngine *engine, unsigned device); /* NULL: the CPU */
const char *const *orf_engine_net_folders(const OrfEngine *engine);        /* NULL-terminated */
/* What a room above does for rooms below it, by name: "cutout" (image/image.h). Set while the
 * engine is opened; `table` outlives it and is of the type that the name stands for. */
void orf_engine_offer(OrfEngine *engine, const char *name, const void *table);
const void *orf_engine_offered(const OrfEngine *engine, const char *name); /* NULL: nothing */
unsigned orf_engine_cores(const OrfEngine *engine);

typedef struct {
    uint64_t total;    /* bytes; 0: no limit */
    uint64_t reserved; /* promised to runs that may not have taken it yet */
    uint64_t held;     /* drawn now, by runs and residents */
    uint64_t resident; /* of it, by residents */
    unsigned tickets;  /* promises */
} OrfEngineMemory;
void orf_engine_memory(OrfEngine *engine, unsigned device, OrfEngineMemory *ret);
void orf_engine_set_memory(OrfEngine *engine, unsigned device, uint64_t bytes); /* its total */

/* What a run will take, guessed before any was measured. */
typedef struct {
    unsigned device; /* of the engine; 0: the CPU */
    uint64_t bytes;
    double seconds; /* 0: not known */
} OrfNeed;

/* Promises `bytes` of a device to a run before it starts: a ticket > 0, or 0: not now. A wish
 * larger than the whole device is granted when nothing else is promised there. A scheduler that
 * runs nothing itself keeps its books with it; runs in this process draw besides. */
uint64_t orf_engine_reserve(OrfEngine *engine, unsigned device, uint64_t bytes);
void orf_engine_release(OrfEngine *engine, uint64_t ticket); /* unknown tickets: nothing */

/* Draws bytes that no orf_task_alloc gives (of a GPU) from a device; idle residents make way.
 * Errors: TOO_LARGE: more than there is; BUSY: others hold it. */
bool orf_engine_draw(OrfEngine *engine, unsigned device, size_t bytes, const char *what,
                     GError **error);
void orf_engine_give_back(OrfEngine *engine, unsigned device, size_t bytes);

/* Handles items 0..n-1 at one time on the engine's threads and the caller's; one after the
 * other without an engine. Returns when all are done. */
typedef void (*OrfEachFn)(size_t item, void *data);
void orf_engine_each(OrfEngine *engine, size_t n, OrfEachFn body, void *data);

/* --- Residents: loaded once, used by many runs, found by key: base/resident.c ------------- */

typedef struct {
    const char *key; /* says all that decides what is loaded: "hunyuan-mini/dit/bf16" */
    unsigned device;
    size_t bytes; /* drawn from the device before `load`, given back after `unload` */
    /* Errors: its own. Called on the thread that asks, never twice for one key at one time. */
    void *(*load)(OrfTask *task, void *data, GError **error);
    void (*unload)(void *value);
    void *data;
} OrfResidentOptions;
typedef struct OrfResident OrfResident;
/* The resident of this key and device: found, waited for or loaded. It cannot go until it is
 * let go as often; then it stays until memory is wanted (the one that idles longest goes first)
 * or it is dropped. Without an engine it is loaded for the caller alone. Errors: CANCELLED,
 * those of orf_engine_draw and of `load`. */
OrfResident *orf_resident_get(OrfTask *task, const OrfResidentOptions *options, GError **error);
void *orf_resident_value(const OrfResident *resident);
void orf_resident_let_go(OrfResident *resident);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfResident, orf_resident_let_go)

typedef struct {
    char *key;
    unsigned device, users;
    size_t bytes;
} OrfResidentInfo;
GArray *orf_engine_residents(OrfEngine *engine); /* of OrfResidentInfo; caller owns */
/* Unloads what idles: with this key (NULL: all) and on any device. How many went. */
unsigned orf_engine_drop(OrfEngine *engine, const char *key);
/* Unloads what has idled for `keep_us`; the program calls it now and then and tells the time.
 */
unsigned orf_engine_expire(OrfEngine *engine, int64_t now_us, int64_t keep_us);

/* --- Memory of a size that input decides: base/memory.c -------------------------------------
 * Drawn from the task's budget, 64-byte aligned, zeroed. NULL sets TOO_LARGE with what was
 * asked and what is left. orf_free gives the bytes back; the block may outlive its task. */

void *orf_task_alloc(OrfTask *task, size_t count, size_t size, const char *what,
                     GError **error) G_GNUC_MALLOC;
void *orf_task_realloc(OrfTask *task, void *block, size_t count, size_t size, const char *what,
                       GError **error); /* grown bytes are not zeroed; NULL keeps `block` */
void orf_free(void *block);             /* NULL is fine */
size_t orf_block_size(const void *block);

#define ORF_ALLOC(task, Type, count, what, error)                                              \
    ((Type *)orf_task_alloc((task), (count), sizeof(Type), (what), (error)))
/* orf_autofree float *grid = ORF_ALLOC(task, float, n, "grid", error); */
#define orf_autofree __attribute__((cleanup(orf_free_at)))
static inline void
orf_free_at(void *pointer_at)
{
    orf_free(*(void **)pointer_at);
}

/* A growing array in budgeted memory; zero-initialise it.
 *     OrfVec points = { .item = sizeof(Point) };
 *     Point *p = orf_vec_add(task, &points, 1, "points", error); */
typedef struct {
    void *data;
    size_t n, room, item;
} OrfVec;
void *orf_vec_add(OrfTask *task, OrfVec *vec, size_t n, const char *what, GError **error);
void *orf_vec_steal(OrfVec *vec); /* caller frees with orf_free */
void orf_vec_clear(OrfVec *vec);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfVec, orf_vec_clear)

/* --- Parameters: base/params.c --------------------------------------------------------------
 * Declared once as a table; the command line, recipes and HTTP read the same table. */

typedef enum {
    ORF_PARAM_BOOL,
    ORF_PARAM_INT,
    ORF_PARAM_NUMBER,
    ORF_PARAM_LENGTH, /* millimetres; text may end in um, mm, cm, m or in */
    ORF_PARAM_ANGLE,  /* degrees */
    ORF_PARAM_CHOICE,
    ORF_PARAM_TEXT,
    ORF_PARAM_LIST, /* numbers separated by commas, each within min..max */
} OrfParamType;

typedef struct {
    const char *name;
    OrfParamType type;
    double min, max;      /* numbers and lists; for text its length in bytes, max 0: any */
    const char *fallback; /* the default as text; never NULL */
    const char *choices;  /* "round|chamfer|cove" for ORF_PARAM_CHOICE */
    const char *help;     /* one sentence, says what changes for the user */
} OrfParam;

/* A row of such a table: what a parameter of this type has, and nothing else.
 *     ORF_LENGTH("wall", 0, 50, "0.8", "No part of the result is thinner than this."), */
#define ORF_PARAM_RANGE(Type, name_, min_, max_, fallback_, help_)                             \
    {                                                                                          \
        .name = (name_), .type = ORF_PARAM_##Type, .min = (min_), .max = (max_),               \
        .fallback = (fallback_), .help = (help_)                                               \
    }
#define ORF_INT(name, min, max, fallback, help)                                                \
    ORF_PARAM_RANGE(INT, name, min, max, fallback, help)
#define ORF_NUMBER(name, min, max, fallback, help)                                             \
    ORF_PARAM_RANGE(NUMBER, name, min, max, fallback, help)
#define ORF_LENGTH(name, min, max, fallback, help)                                             \
    ORF_PARAM_RANGE(LENGTH, name, min, max, fallback, help)
#define ORF_ANGLE(name, min, max, fallback, help)                                              \
    ORF_PARAM_RANGE(ANGLE, name, min, max, fallback, help)
#define ORF_LIST(name, min, max, fallback, help)                                               \
    ORF_PARAM_RANGE(LIST, name, min, max, fallback, help)
#define ORF_TEXT(name, shortest, longest, fallback, help)                                      \
    ORF_PARAM_RANGE(TEXT, name, shortest, longest, fallback, help)
#define ORF_BOOL(name, fallback, help) ORF_PARAM_RANGE(BOOL, name, 0, 0, fallback, help)
#define ORF_CHOICE(name_, choices_, fallback_, help_)                                          \
    {                                                                                          \
        .name = (name_), .type = ORF_PARAM_CHOICE, .choices = (choices_),                      \
        .fallback = (fallback_), .help = (help_)                                               \
    }

const char *orf_param_type_name(OrfParamType type);
const char *orf_param_unit(OrfParamType type); /* "mm", "degrees" or "" */

/* One value without a set of them: `ret_canonical` (or NULL) is its canonical text, which the
 * caller owns; "8 cm" is 80, "yes" is true. The row's default is not looked at. Errors:
 * BAD_INPUT: not a number, out of range, no such choice. */
bool
orf_param_check(const OrfParam *param, const char *text, char **ret_canonical, GError **error);
/* A finite decimal number as people write it ("0x10" is none, nor "inf"); what follows it is at
 * `ret_end`. */
bool orf_read_number(const char *text, const char **ret_end, double *ret);

/* Values for the parameters of one or more tables (which must be static). One thread at a time
 * while it changes, then immutable. */
typedef struct OrfParams OrfParams;
OrfParams *orf_params_new(void);
void orf_params_free(OrfParams *params);
void orf_params_add_table(OrfParams *params, const OrfParam *table, size_t n);
/* Its row; NULL: in no table. */
const OrfParam *orf_params_declared(const OrfParams *params, const char *name);
/* Errors: NOT_FOUND: unknown name (with the nearest known one); BAD_INPUT as orf_param_check.
 */
bool orf_params_set(OrfParams *params, const char *name, const char *text, GError **error);
bool orf_params_is_set(const OrfParams *params, const char *name); /* by the user */
/* The name must be in a table and of a fitting type: anything else is a bug. */
bool orf_params_bool(const OrfParams *params, const char *name);
int64_t orf_params_int(const OrfParams *params, const char *name);
double orf_params_number(const OrfParams *params, const char *name); /* number, length, angle */
const char *orf_params_text(const OrfParams *params, const char *name); /* text, choice */
size_t orf_params_list(const OrfParams *params, const char *name, double *ret_values,
                       size_t room); /* how many there are */
/* {"name":value,...}, names sorted, every default filled in, numbers as RFC 8785 prints them.
 */
char *orf_params_canonical(const OrfParams *params);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfParams, orf_params_free)

/* --- Digests: base/digest.c --------------------------------------------------------------- */

#define ORF_DIGEST_SIZE 65 /* 64 hex digits and the NUL */
/* SHA-256 as lower-case hex. */
void orf_digest(const void *data, size_t size, char ret_hex[ORF_DIGEST_SIZE]);
char *orf_digest_bytes(GBytes *bytes); /* caller owns */
/* The same of bytes that come in pieces. One thread at a time; after `end` only free it. */
typedef struct OrfDigester OrfDigester;
OrfDigester *orf_digester_new(void);
void orf_digester_add(OrfDigester *digester, const void *data, size_t size);
void orf_digester_end(OrfDigester *digester, char ret_hex[ORF_DIGEST_SIZE]);
void orf_digester_free(OrfDigester *digester);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfDigester, orf_digester_free)

/* --- JSON: base/json.c: writing only. Strings and numbers as RFC 8785 (JCS) wants them ------
 * The one writer of the tree. Commas keep themselves; `key` is the member's name in an object
 * and NULL in an array or for the document itself:
 *     g_autoptr(OrfJson) json = orf_json_new();
 *     orf_json_begin_object(json, NULL);
 *     orf_json_add_text(json, "name", name);
 *     orf_json_end(json);
 *     return orf_json_steal(json);
 * Members are printed in the order given: who needs canonical text adds them by name. One
 * thread at a time. */
typedef struct OrfJson OrfJson;
OrfJson *orf_json_new(void);
OrfJson *orf_json_onto(GString *out); /* appends there; `out` is borrowed and outlives it */
void orf_json_free(OrfJson *json);
void orf_json_begin_object(OrfJson *json, const char *key);
void orf_json_begin_array(OrfJson *json, const char *key);
void orf_json_end(OrfJson *json); /* the object or array begun last; at most 64 deep */
void orf_json_add_text(OrfJson *json, const char *key, const char *text); /* NULL: null */
void orf_json_add_texts(OrfJson *json, const char *key, const char *const *texts, size_t n);
void orf_json_add_int(OrfJson *json, const char *key, int64_t value);
void orf_json_add_number(OrfJson *json, const char *key, double value); /* NaN, inf: null */
/* `digits` behind the point, "0.120"; and at most so many significant ones, "0.12". */
void orf_json_add_fixed(OrfJson *json, const char *key, double value, int digits);
void orf_json_add_rounded(OrfJson *json, const char *key, double value, int digits);
void orf_json_add_bool(OrfJson *json, const char *key, bool value);
void orf_json_add_null(OrfJson *json, const char *key);
void orf_json_add_raw(OrfJson *json, const char *key, const char *value); /* is JSON already */
/* What was written, complete; caller owns. Not for a writer made by orf_json_onto. */
char *orf_json_steal(OrfJson *json);
GBytes *orf_json_steal_bytes(OrfJson *json); /* without the NUL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfJson, orf_json_free)

/* The two leaves alone, appended to a GString. */
void
orf_json_string(GString *out, const char *text);  /* quoted, escaped, invalid UTF-8 replaced */
void orf_json_number(GString *out, double value); /* shortest form; NaN and infinity: null */

/* --- Workers: base/workers.c: what happens later, on threads of their own. Thread-safe -----
 */

typedef struct OrfWorkers OrfWorkers;
/* At most `threads` (0: one); more than `room` calls in line are refused (0: no bound). */
OrfWorkers *orf_workers_new(const char *name, unsigned threads, unsigned room);
/* Returns when all that waits in line has run; what was not due yet is dropped. */
void orf_workers_free(OrfWorkers *workers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfWorkers, orf_workers_free)
/* Calls `work` once, soon; those that were added earlier begin earlier. False: too much waits.
 */
bool orf_workers_add(OrfWorkers *workers, void (*work)(void *data), void *data);
/* Calls `work` once when `delay_us` have passed and a thread has time. Never refused. The
 * number names it for orf_workers_cancel. */
uint64_t
orf_workers_after(OrfWorkers *workers, int64_t delay_us, void (*work)(void *data), void *data);
/* True: it will not be called. False: it was, or is being called now. */
bool orf_workers_cancel(OrfWorkers *workers, uint64_t id);

/* --- Times: base/time.c ------------------------------------------------------------------- */

#define ORF_TIME_SIZE 25 /* "2025-06-01T12:00:00.123Z" and the NUL */
/* Wall clock in microseconds as RFC 3339 text, UTC, with milliseconds: the one form in which
 * clients see times. */
void orf_time_text(int64_t time_us, char ret_text[ORF_TIME_SIZE]);

/* --- The machine: base/machine.c: for programs; what the engine may use is told by its task
 * --- */

typedef struct {
    unsigned cores; /* usable here: affinity and the quota of every cgroup, rounded up; 1.. */
    double quota;   /* the same in cores' worth of time, not rounded */
    bool memory_limited; /* by a cgroup: total and used are that group's, else the machine's */
    uint64_t memory_total; /* bytes; the tightest limit on the way up */
    uint64_t memory_used;  /* under that limit; what can be dropped (page cache) is not in it */
    uint64_t memory_free;  /* bytes to be had before the first limit on the way up is met */
    uint64_t swap_total, swap_used;
    double busy_s;     /* processor time spent so far by those the quota is shared with */
    double busy_cores; /* what busy_s grows by in a second when nothing idles */
} OrfMachine;

/* Reads /proc and /sys below `root` (NULL: "/"): cgroups v2 and v1, nested, as seen from a
 * container too. What cannot be read is guessed: one core or what the system tells, 4 GB. */
void orf_machine_read(const char *root, OrfMachine *ret);
char *orf_machine_cpu_name(const char *root); /* "AMD EPYC 7543"; caller owns */

/* --- Log: GLib's: for programs and for tracing; rooms return errors instead ----------- */

#define orf_log_debug(...) g_log("orfeas", G_LOG_LEVEL_DEBUG, __VA_ARGS__)
#define orf_log_note(...) g_log("orfeas", G_LOG_LEVEL_MESSAGE, __VA_ARGS__)
#define orf_log_warning(...) g_log("orfeas", G_LOG_LEVEL_WARNING, __VA_ARGS__)

#endif
