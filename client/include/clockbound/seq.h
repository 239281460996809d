/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All ordered accesses and fences of client, daemon and bench, each with the sentence of its pair; elsewhere words are
 * loaded and stored relaxed. The eBPF programs can include nothing of this: theirs is cb_add() of bpf/page.bpf.h.
 * For <clockbound/fast.h>, the library and the daemon; nobody else includes it.
 *
 * Who writes, what is ordered, and who reads (clockbound_priv_ and CLOCKBOUND_PRIV_ left out):
 *
 * - PLACE_STORE: a place before its address; epochs, vm_place and kernel_now
 * - seq_advance: the payload so far before seq, for seq_begin; seq before the payload to come, for seq_retry
 * - magic_store: the page before its magic; magic_load
 * - home_store: numbers so far before the home's name, for home_load; the name before numbers to come, for seq_retry
 * - cb_add: a mark before the clock, and marks among themselves; kernel_load, kernel_epoch and epochs_end
 * - map_id_store: the kernel page's map before its id; map_id_load
 * - turn_end: what was done in a turn before its end; turn_begin
 * - keep_end: the kept snapshot before the giving back of the cache; keep_begin
 * - generation_open, _wiped: the generation before the payload to come; generation_retry
 * - generation_close: the payload before the generation; generation_begin
 *
 * ThreadSanitizer does not model fences: under it payload loads are acquire and payload stores
 * release, which gives the same order without a fence. Both forms stand here behind
 * CLOCKBOUND_PRIV_TSAN.
 */
#ifndef CLOCKBOUND_SEQ_H
#define CLOCKBOUND_SEQ_H

#if !defined(CLOCKBOUND_FAST_H) && !defined(CLOCKBOUND_IN_TREE)
#error "include <clockbound/fast.h>, not this file"
#endif

#include <clockbound/types.h>

#if defined(__SANITIZE_THREAD__)
#define CLOCKBOUND_PRIV_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CLOCKBOUND_PRIV_TSAN 1
#endif
#endif
#if !defined(CLOCKBOUND_PRIV_TSAN)
#define CLOCKBOUND_PRIV_TSAN 0
#endif

#if CLOCKBOUND_PRIV_TSAN
#define CLOCKBOUND_PRIV_LOAD_ORDER   __ATOMIC_ACQUIRE
#define CLOCKBOUND_PRIV_STORE_ORDER  __ATOMIC_RELEASE
#define CLOCKBOUND_PRIV_FENCE(order) ((void)0)
#else
#define CLOCKBOUND_PRIV_LOAD_ORDER   __ATOMIC_RELAXED
#define CLOCKBOUND_PRIV_STORE_ORDER  __ATOMIC_RELAXED
#define CLOCKBOUND_PRIV_FENCE(order) __atomic_thread_fence(order)
#endif

/* One word of the payload. Never a plain copy: that would be a data race. */
#define CLOCKBOUND_PRIV_LOAD(pointer) __atomic_load_n((pointer), CLOCKBOUND_PRIV_LOAD_ORDER)
#define CLOCKBOUND_PRIV_STORE(pointer, value)                                                                \
	__atomic_store_n((pointer), (value), CLOCKBOUND_PRIV_STORE_ORDER)

/*
 * A place that threads of one process find by its address, while it is set. Orders what is there, a map above all,
 * before its address; pairs with the loads in clockbound_priv_epochs(), clockbound_priv_vm_place() and
 * clockbound_priv_kernel_now(), behind which everything hangs by the address. Without it a thread may read where
 * nothing is yet.
 */
#define CLOCKBOUND_PRIV_PLACE_STORE(pointer, place) __atomic_store_n((pointer), (place), __ATOMIC_RELEASE)

/* clockbound_priv_seq_begin - opens a read; the slot to read is `result & 1` */
static inline __attribute__((always_inline)) uint32_t clockbound_priv_seq_begin(const uint32_t *seq)
{
	/* Orders seq before the payload loads; pairs with the fence before the store in
	 * clockbound_priv_seq_advance(). Without it a reader may take a slot's words from before
	 * the publication that seq announces. */
	return __atomic_load_n(seq, __ATOMIC_ACQUIRE);
}

/* clockbound_priv_seq_retry - closes a read: nonzero when the payload may be torn and must be read
 * again */
static inline __attribute__((always_inline)) int clockbound_priv_seq_retry(const uint32_t *seq,
									   uint32_t begin)
{
	/* Orders the payload loads before the second load of seq; pairs with the fence after the
	 * store in clockbound_priv_seq_advance(). Without it a reader may accept half of two
	 * publications. */
	CLOCKBOUND_PRIV_FENCE(__ATOMIC_ACQUIRE);
#if defined(CLOCKBOUND_PRIV_MUTATE_NO_SECOND_CHECK)
	(void)seq;
	(void)begin;
	return 0; /* canary: tests compile this form and must catch it */
#else
	return __atomic_load_n(seq, __ATOMIC_RELAXED) != begin;
#endif
}

/* clockbound_priv_seq_advance - sends readers to the other slot of the latch. One writer only. */
static inline __attribute__((always_inline)) void clockbound_priv_seq_advance(uint32_t *seq)
{
	uint32_t next = __atomic_load_n(seq, __ATOMIC_RELAXED) + 1;

	/* Orders the payload of the slot just written before seq; pairs with the load-acquire in
	 * clockbound_priv_seq_begin(). Without it a reader may be sent to a slot half written. */
	CLOCKBOUND_PRIV_FENCE(__ATOMIC_RELEASE);
	__atomic_store_n(seq, next, CLOCKBOUND_PRIV_STORE_ORDER);
	/* Orders seq before the payload of the slot written next; pairs with the fence in
	 * clockbound_priv_seq_retry(). Without it a reader may accept half of two publications. */
	CLOCKBOUND_PRIV_FENCE(__ATOMIC_RELEASE);
}

/* clockbound_priv_magic_store - makes a page one: the last store of whoever makes it */
static inline __attribute__((always_inline)) void clockbound_priv_magic_store(uint64_t *magic, uint64_t value)
{
	/* Orders the page before its magic; pairs with the load-acquire in clockbound_priv_magic_load().
	 * Without it a client may open a page that is not made yet. */
	__atomic_store_n(magic, value, __ATOMIC_RELEASE);
}

/* clockbound_priv_magic_load - before anything else of a mapped page is trusted */
static inline __attribute__((always_inline)) uint64_t clockbound_priv_magic_load(const uint64_t *magic)
{
	/* Orders the magic before the page; pairs with the store-release in clockbound_priv_magic_store().
	 * Without it what was there before the page was made may pass for it. */
	return __atomic_load_n(magic, __ATOMIC_ACQUIRE);
}

/* clockbound_priv_home_store - names the home of the epochs in the page's kernel_page_id. One writer only. */
static inline __attribute__((always_inline)) void clockbound_priv_home_store(uint64_t *home, uint64_t id)
{
	/* Orders the file's numbers so far before the name; pairs with the load-acquire in
	 * clockbound_priv_home_load(). Without it who goes over to the file may take numbers from before the
	 * former home's last, or those of the daemon's look back, and miss a step. */
	CLOCKBOUND_PRIV_FENCE(__ATOMIC_RELEASE);
	__atomic_store_n(home, id, CLOCKBOUND_PRIV_STORE_ORDER);
	/* Orders the name before the numbers that go with it; pairs with the fence in
	 * clockbound_priv_seq_retry(), which ends the read that has seen them. Without it a reader whom they
	 * send to the slow path may find the former home there. */
	CLOCKBOUND_PRIV_FENCE(__ATOMIC_RELEASE);
}

/* clockbound_priv_home_load - the home that the page names, before its numbers are looked at */
static inline __attribute__((always_inline)) uint64_t clockbound_priv_home_load(const uint64_t *home)
{
	/* Orders the name before the file's numbers; pairs with the fence before the store in
	 * clockbound_priv_home_store(). Without it numbers may pass that are older than the name. */
	return __atomic_load_n(home, __ATOMIC_ACQUIRE);
}

/*
 * The kernel page, which eBPF programs write: a sum or `in_flight`, then the epoch, then the clock itself, then
 * `in_flight` again; and what they know, then `is_seeded`.
 */

/* clockbound_priv_kernel_load - a word of the kernel page */
static inline __attribute__((always_inline)) uint64_t clockbound_priv_kernel_load(const uint64_t *word)
{
	/* Orders the word before whatever is loaded next; pairs with cb_add() of bpf/page.bpf.h. Without it who
	 * has seen a word may see one that was written before it as it was: a rate_sum without its rate_epoch,
	 * nothing in flight of a change that is. */
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* clockbound_priv_kernel_epoch - an epoch of the kernel page */
static inline __attribute__((always_inline)) uint32_t clockbound_priv_kernel_epoch(const uint32_t *epoch)
{
	/* Orders the epoch before rate_sum and in_flight; pairs with cb_add() of bpf/page.bpf.h. Without it
	 * nothing may seem in flight of a change that the epoch counts. */
	return __atomic_load_n(epoch, __ATOMIC_ACQUIRE);
}

/* clockbound_priv_epochs_end - ends the reading of epochs: what is read next are the clocks */
static inline __attribute__((always_inline)) void clockbound_priv_epochs_end(void)
{
	/* Orders the epochs before every clock; pairs with cb_add() of bpf/page.bpf.h, which marks a change before
	 * it is made. Without it an old clock may be taken for one that has made the change. */
	CLOCKBOUND_PRIV_FENCE(__ATOMIC_ACQUIRE);
}

/* Which kernel page a handle has mapped, and whose turn it is: between the threads of one process. */

/* clockbound_priv_map_id_store - the mapped page has this id now; 0: it serves no more. In one's turn only. */
static inline __attribute__((always_inline)) void clockbound_priv_map_id_store(uint64_t *map_id, uint64_t id)
{
	/* Orders the map before its id; pairs with the load-acquire in clockbound_priv_map_id_load(). Without it a
	 * thread may take the former map for this one. */
	__atomic_store_n(map_id, id, __ATOMIC_RELEASE);
}

/* clockbound_priv_map_id_load - before the map is looked at */
static inline __attribute__((always_inline)) uint64_t clockbound_priv_map_id_load(const uint64_t *map_id)
{
	/* Orders the id before the map; pairs with the store-release in clockbound_priv_map_id_store(). Without it
	 * the map may be the one before that of the id. */
	return __atomic_load_n(map_id, __ATOMIC_ACQUIRE);
}

/* clockbound_priv_turn_begin - takes the turn to ask the daemon; 0 if another thread of this process, @self, has it.
 * One of a process that was forked from does not count: it is not here. */
static inline __attribute__((always_inline)) int clockbound_priv_turn_begin(int32_t *busy_pid, int32_t self)
{
	int32_t busy = __atomic_load_n(busy_pid, __ATOMIC_RELAXED);

	/* Orders the turn before what is done in it; pairs with the store-release in clockbound_priv_turn_end().
	 * Without it the former turn's map may not be seen yet, and be made and lost once more. */
	return busy != self &&
	       __atomic_compare_exchange_n(busy_pid, &busy, self, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* clockbound_priv_turn_end - the next one, please */
static inline __attribute__((always_inline)) void clockbound_priv_turn_end(int32_t *busy_pid)
{
	/* Orders what was done in the turn before its end; pairs with the acquire in
	 * clockbound_priv_turn_begin(). Without it the next thread may begin in the middle of it. */
	__atomic_store_n(busy_pid, 0, __ATOMIC_RELEASE);
}

/* clockbound_priv_keep_begin - takes the snapshot cache for writing; 0 if another thread has it */
static inline __attribute__((always_inline)) int clockbound_priv_keep_begin(uint32_t *writing)
{
	/* Orders the taking before the stores; pairs with the store-release in clockbound_priv_keep_end(). Without
	 * it they may mix with those of the thread that had it before, and the latch be moved once for both. */
	return __atomic_exchange_n(writing, 1, __ATOMIC_ACQUIRE) == 0;
}

/* clockbound_priv_keep_end - gives it back */
static inline __attribute__((always_inline)) void clockbound_priv_keep_end(uint32_t *writing)
{
	/* Orders the stores before the giving back; pairs with the acquire in clockbound_priv_keep_begin(). Without
	 * it they may come after those of the thread that takes it next. */
	__atomic_store_n(writing, 0, __ATOMIC_RELEASE);
}

/*
 * Upstream's generation, 16 bits: 0 never initialised, odd being written, from 65535 on to 2.
 * The same fences in the same places, so that weakly ordered machines are safe on our side.
 */

/* clockbound_priv_generation_begin - opens a read; odd or 0 means there is nothing to read now */
static inline __attribute__((always_inline)) uint16_t
clockbound_priv_generation_begin(const uint16_t *generation)
{
	/* Orders the generation before the payload; pairs with the release in
	 * clockbound_priv_generation_close(). Without it old words pass under a new generation. */
	return __atomic_load_n(generation, __ATOMIC_ACQUIRE);
}

/* clockbound_priv_generation_retry - closes a read: nonzero when the payload may be torn */
static inline __attribute__((always_inline)) int clockbound_priv_generation_retry(const uint16_t *generation,
										  uint16_t begin)
{
	/* Orders the payload before the second load; pairs with the fence in
	 * clockbound_priv_generation_open(). Without it half of two updates may be accepted. */
	CLOCKBOUND_PRIV_FENCE(__ATOMIC_ACQUIRE);
	return __atomic_load_n(generation, __ATOMIC_RELAXED) != begin;
}

/* clockbound_priv_generation_open - marks the segment as being written. One writer only. */
static inline __attribute__((always_inline)) void clockbound_priv_generation_open(uint16_t *generation)
{
	uint16_t now = __atomic_load_n(generation, __ATOMIC_RELAXED);

	__atomic_store_n(generation, (uint16_t)(now | 1u), CLOCKBOUND_PRIV_STORE_ORDER);
	/* Orders the odd generation before the payload stores; pairs with the fence in
	 * clockbound_priv_generation_retry(). Without it half of two updates may be accepted. */
	CLOCKBOUND_PRIV_FENCE(__ATOMIC_RELEASE);
}

/* clockbound_priv_generation_wiped - generation and version are 0: what is stored next is the wiped payload */
static inline __attribute__((always_inline)) void clockbound_priv_generation_wiped(void)
{
	/* Orders "there is nothing" before what is wiped; pairs with the fence in
	 * clockbound_priv_generation_retry(). Without it a client may take half of what was there. */
	CLOCKBOUND_PRIV_FENCE(__ATOMIC_RELEASE);
}

/* clockbound_priv_generation_close - makes the payload readable under the next even generation,
 * never 0 */
static inline __attribute__((always_inline)) void clockbound_priv_generation_close(uint16_t *generation)
{
	uint16_t next = (uint16_t)(__atomic_load_n(generation, __ATOMIC_RELAXED) + 1u);

	if (next == 0) {
		next = 2;
	}
	/* Orders the payload before the even generation; pairs with the load-acquire in
	 * clockbound_priv_generation_begin(). Without it old words pass under a new generation. */
	__atomic_store_n(generation, next, __ATOMIC_RELEASE);
}

#endif
