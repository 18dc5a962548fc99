/* tsan.h - included before every file under ThreadSanitizer, which cannot see into GLib: tells it of locks and counts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_TSAN_H
#define ORF_TSAN_H

#include <glib.h>
#include <sanitizer/tsan_interface.h>

#define ORF_TSAN_LOCK(call, lock) ((call)(lock), __tsan_acquire(lock))
#define ORF_TSAN_UNLOCK(call, lock) (__tsan_release(lock), (call)(lock))
#define ORF_TSAN_TRY(call, lock) ((call)(lock) ? (__tsan_acquire(lock), TRUE) : FALSE)

#define g_mutex_lock(lock) ORF_TSAN_LOCK(g_mutex_lock, lock)
#define g_mutex_trylock(lock) ORF_TSAN_TRY(g_mutex_trylock, lock)
#define g_mutex_unlock(lock) ORF_TSAN_UNLOCK(g_mutex_unlock, lock)
#define g_rec_mutex_lock(lock) ORF_TSAN_LOCK(g_rec_mutex_lock, lock)
#define g_rec_mutex_unlock(lock) ORF_TSAN_UNLOCK(g_rec_mutex_unlock, lock)
#define g_rw_lock_reader_lock(lock) ORF_TSAN_LOCK(g_rw_lock_reader_lock, lock)
#define g_rw_lock_reader_unlock(lock) ORF_TSAN_UNLOCK(g_rw_lock_reader_unlock, lock)
#define g_rw_lock_writer_lock(lock) ORF_TSAN_LOCK(g_rw_lock_writer_lock, lock)
#define g_rw_lock_writer_unlock(lock) ORF_TSAN_UNLOCK(g_rw_lock_writer_unlock, lock)
#define g_cond_wait(cond, lock)                                                                \
    (__tsan_release(lock), (g_cond_wait)(cond, lock), __tsan_acquire(lock))
#define g_cond_wait_until(cond, lock, time)                                                    \
    (__tsan_release(lock), (g_cond_wait_until)(cond, lock, time)                               \
                               ? (__tsan_acquire(lock), TRUE)                                  \
                               : (__tsan_acquire(lock), FALSE))
#define g_atomic_ref_count_dec(count)                                                          \
    (__tsan_release(count),                                                                    \
     (g_atomic_ref_count_dec)(count) ? (__tsan_acquire(count), TRUE) : FALSE)

#endif
