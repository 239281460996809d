/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One consistent payload of an upstream segment. While a daemon writes, or has died writing, the last good
 * snapshot serves, as upstream has it: its age tells how far it may be trusted. Nobody ever waits: the attempts
 * are bounded, and the kept snapshot stands under a latch that one thread at a time may change.
 */
#include "client/src/context.h"

/* Attempts to catch a segment between two updates. An update lasts some 100 ns and comes once a second: a second
 * attempt suffices, unless the machine is very busy; more would only heat it. */
#define SNAPSHOT_TRIES 4

static void load_shm1(const struct clockbound_shm1 *shm, struct clockbound_priv_segment *segment)
{
	segment->as_of_sec = CLOCKBOUND_PRIV_LOAD(&shm->as_of.sec);
	segment->as_of_nsec = CLOCKBOUND_PRIV_LOAD(&shm->as_of.nsec);
	segment->void_after_sec = CLOCKBOUND_PRIV_LOAD(&shm->void_after.sec);
	segment->void_after_nsec = CLOCKBOUND_PRIV_LOAD(&shm->void_after.nsec);
	segment->bound_nsec = CLOCKBOUND_PRIV_LOAD(&shm->bound_nsec);
	segment->disruption_marker = 0;
	segment->max_drift_ppb = CLOCKBOUND_PRIV_LOAD(&shm->max_drift_ppb);
	segment->clock_status = CLOCKBOUND_PRIV_LOAD(&shm->clock_status);
	segment->disruption_support = 0;
}

static void load_shm2(const struct clockbound_shm2 *shm, struct clockbound_priv_segment *segment)
{
	segment->as_of_sec = CLOCKBOUND_PRIV_LOAD(&shm->as_of.sec);
	segment->as_of_nsec = CLOCKBOUND_PRIV_LOAD(&shm->as_of.nsec);
	segment->void_after_sec = CLOCKBOUND_PRIV_LOAD(&shm->void_after.sec);
	segment->void_after_nsec = CLOCKBOUND_PRIV_LOAD(&shm->void_after.nsec);
	segment->bound_nsec = CLOCKBOUND_PRIV_LOAD(&shm->bound_nsec);
	segment->disruption_marker = CLOCKBOUND_PRIV_LOAD(&shm->disruption_marker);
	segment->max_drift_ppb = CLOCKBOUND_PRIV_LOAD(&shm->max_drift_ppb);
	segment->clock_status = CLOCKBOUND_PRIV_LOAD(&shm->clock_status);
	segment->disruption_support = CLOCKBOUND_PRIV_LOAD(&shm->disruption_support);
}

/* Reads the segment itself; false if it is being written, or is no longer of its kind. */
static bool take_live(const struct clockbound_priv_file *file, struct clockbound_priv_segment *segment)
{
	const struct clockbound_shm_header *header = file->map;
	const uint16_t version =
		file->kind == CLOCKBOUND_PRIV_SHM1 ? CLOCKBOUND_SHM_VERSION_1 : CLOCKBOUND_SHM_VERSION_2;
	int tries;

	for (tries = 0; tries < SNAPSHOT_TRIES; tries++) {
		uint16_t generation = clockbound_priv_generation_begin(&header->generation);

		if (generation == 0 || (generation & 1) != 0 ||
		    CLOCKBOUND_PRIV_LOAD(&header->version) != version) {
			continue;
		}
		if (file->kind == CLOCKBOUND_PRIV_SHM1) {
			load_shm1(file->map, segment);
		} else {
			load_shm2(file->map, segment);
		}
		segment->generation = generation;
		if (!clockbound_priv_generation_retry(&header->generation, generation)) {
			return true;
		}
	}
	return false;
}

static void store(struct clockbound_priv_segment *to, const struct clockbound_priv_segment *from)
{
	CLOCKBOUND_PRIV_STORE(&to->as_of_sec, from->as_of_sec);
	CLOCKBOUND_PRIV_STORE(&to->as_of_nsec, from->as_of_nsec);
	CLOCKBOUND_PRIV_STORE(&to->void_after_sec, from->void_after_sec);
	CLOCKBOUND_PRIV_STORE(&to->void_after_nsec, from->void_after_nsec);
	CLOCKBOUND_PRIV_STORE(&to->bound_nsec, from->bound_nsec);
	CLOCKBOUND_PRIV_STORE(&to->disruption_marker, from->disruption_marker);
	CLOCKBOUND_PRIV_STORE(&to->max_drift_ppb, from->max_drift_ppb);
	CLOCKBOUND_PRIV_STORE(&to->clock_status, from->clock_status);
	CLOCKBOUND_PRIV_STORE(&to->disruption_support, from->disruption_support);
	CLOCKBOUND_PRIV_STORE(&to->generation, from->generation);
}

static void load(struct clockbound_priv_segment *to, const struct clockbound_priv_segment *from)
{
	to->as_of_sec = CLOCKBOUND_PRIV_LOAD(&from->as_of_sec);
	to->as_of_nsec = CLOCKBOUND_PRIV_LOAD(&from->as_of_nsec);
	to->void_after_sec = CLOCKBOUND_PRIV_LOAD(&from->void_after_sec);
	to->void_after_nsec = CLOCKBOUND_PRIV_LOAD(&from->void_after_nsec);
	to->bound_nsec = CLOCKBOUND_PRIV_LOAD(&from->bound_nsec);
	to->disruption_marker = CLOCKBOUND_PRIV_LOAD(&from->disruption_marker);
	to->max_drift_ppb = CLOCKBOUND_PRIV_LOAD(&from->max_drift_ppb);
	to->clock_status = CLOCKBOUND_PRIV_LOAD(&from->clock_status);
	to->disruption_support = CLOCKBOUND_PRIV_LOAD(&from->disruption_support);
	to->generation = CLOCKBOUND_PRIV_LOAD(&from->generation);
}

/* The kept snapshot is this one already: then nothing is written, and readers share the line. */
static bool is_kept(const struct clockbound_priv_cache *cache, const struct clockbound_priv_segment *segment)
{
	const struct clockbound_priv_segment *kept = &cache->slot[clockbound_priv_seq_begin(&cache->seq) & 1];

	return CLOCKBOUND_PRIV_LOAD(&kept->generation) == segment->generation &&
	       CLOCKBOUND_PRIV_LOAD(&kept->as_of_sec) == segment->as_of_sec;
}

/* Keeps a snapshot, unless another thread is keeping one: then that one will do. */
static void keep(struct clockbound_priv_cache *cache, const struct clockbound_priv_segment *segment)
{
	if (is_kept(cache, segment)) {
		return;
	}
	if (!clockbound_priv_keep_begin(&cache->writing)) {
		return;
	}
	clockbound_priv_seq_advance(&cache->seq);
	store(&cache->slot[0], segment);
	clockbound_priv_seq_advance(&cache->seq);
	store(&cache->slot[1], segment);
	clockbound_priv_keep_end(&cache->writing);
}

static bool take_kept(const struct clockbound_priv_cache *cache, struct clockbound_priv_segment *segment)
{
	int tries;

	for (tries = 0; tries < SNAPSHOT_TRIES; tries++) {
		uint32_t seq = clockbound_priv_seq_begin(&cache->seq);

		load(segment, &cache->slot[seq & 1]);
		if (!clockbound_priv_seq_retry(&cache->seq, seq)) {
			return segment->generation != 0;
		}
	}
	return false;
}

bool clockbound_priv_snapshot_take(const struct clockbound_priv_file *file,
				   struct clockbound_priv_cache *cache,
				   struct clockbound_priv_segment *segment)
{
	if (take_live(file, segment)) {
		keep(cache, segment);
		return true;
	}
	return take_kept(cache, segment);
}
