/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upstream ClockBound's segments: 1.x (file `shm`, 72 bytes) and 2.x (file `shm0`, 80 bytes), byte
 * for byte. Layout only. Upstream's version-2 segment never changes here: what is ours is in
 * <clockbound/page.h>.
 *
 * Writer: generation odd; payload; generation even. 0 means never initialised, and it wraps from
 * 65535 to 2. Source: upstream's code at 1.0.0 and 2.0.2 (its PROTOCOL.md lists the magic's bytes
 * in another order).
 */
#ifndef CLOCKBOUND_UAPI_SHM_H
#define CLOCKBOUND_UAPI_SHM_H

#include <clockbound/types.h>

#define CLOCKBOUND_SHM_MAGIC_0	 0x414d5a4eu /* native-endian: bytes 4e 5a 4d 41 on x86 */
#define CLOCKBOUND_SHM_MAGIC_1	 0x43420200u
#define CLOCKBOUND_SHM_VERSION_1 1u
#define CLOCKBOUND_SHM_VERSION_2 2u

/* Upstream's void-after: as-of seconds + 1000, nanoseconds 0. */
#define CLOCKBOUND_SHM_VOID_AFTER_SEC 1000
/* From this age on a segment's Synchronized reads as FreeRunning. */
#define CLOCKBOUND_SHM_GRACE_SEC 5
/* A max_drift_ppb from here on is malformed. */
#define CLOCKBOUND_SHM_DRIFT_PPB_MAX 1000000000u

/* A struct timespec as upstream writes it: two int64_t, whatever the C library's is. */
struct clockbound_shm_timespec {
	int64_t sec;
	int64_t nsec;
};

struct clockbound_shm_header {
	uint32_t magic[2];
	uint32_t size;	     /* of the segment: 72 or 80 */
	uint16_t version;    /* 1 or 2; 0: layout not defined yet */
	uint16_t generation; /* 0 never initialised, odd being written */
};

/* 1.x, file `shm`. */
struct clockbound_shm1 {
	struct clockbound_shm_header header;
	struct clockbound_shm_timespec as_of;	   /* CLOCK_MONOTONIC_COARSE before chronyd was asked */
	struct clockbound_shm_timespec void_after; /* CLOCK_MONOTONIC_COARSE */
	int64_t bound_nsec;			   /* half-width at as-of */
	uint32_t max_drift_ppb;
	uint32_t reserved; /* 0 */
	int32_t clock_status;
	uint32_t padding; /* 0 */
};

/* 2.x, file `shm0`. */
struct clockbound_shm2 {
	struct clockbound_shm_header header;
	struct clockbound_shm_timespec as_of;
	struct clockbound_shm_timespec void_after;
	int64_t bound_nsec;
	uint64_t disruption_marker; /* last read from VMClock; 0 without */
	uint32_t max_drift_ppb;
	int32_t clock_status;
	uint8_t disruption_support; /* 1: clients must watch VMClock too */
	uint8_t padding[7];	    /* 0 */
};

#define CLOCKBOUND_SHM_AT(type, field, offset)                                                               \
	CLOCKBOUND_STATIC_ASSERT(offsetof(struct type, field) == (offset),                                   \
				 #type "." #field " must stand at " #offset)

CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_shm_timespec) == 16, "two int64_t");
CLOCKBOUND_SHM_AT(clockbound_shm_timespec, sec, 0);
CLOCKBOUND_SHM_AT(clockbound_shm_timespec, nsec, 8);
CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_shm_header) == 16, "upstream's header");
CLOCKBOUND_SHM_AT(clockbound_shm_header, magic, 0);
CLOCKBOUND_SHM_AT(clockbound_shm_header, size, 8);
CLOCKBOUND_SHM_AT(clockbound_shm_header, version, 12);
CLOCKBOUND_SHM_AT(clockbound_shm_header, generation, 14);

CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_shm1) == 72, "1.x is 72 bytes");
CLOCKBOUND_SHM_AT(clockbound_shm1, header, 0);
CLOCKBOUND_SHM_AT(clockbound_shm1, as_of, 16);
CLOCKBOUND_SHM_AT(clockbound_shm1, void_after, 32);
CLOCKBOUND_SHM_AT(clockbound_shm1, bound_nsec, 48);
CLOCKBOUND_SHM_AT(clockbound_shm1, max_drift_ppb, 56);
CLOCKBOUND_SHM_AT(clockbound_shm1, reserved, 60);
CLOCKBOUND_SHM_AT(clockbound_shm1, clock_status, 64);
CLOCKBOUND_SHM_AT(clockbound_shm1, padding, 68);

CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_shm2) == 80, "2.x is 80 bytes");
CLOCKBOUND_SHM_AT(clockbound_shm2, header, 0);
CLOCKBOUND_SHM_AT(clockbound_shm2, as_of, 16);
CLOCKBOUND_SHM_AT(clockbound_shm2, void_after, 32);
CLOCKBOUND_SHM_AT(clockbound_shm2, bound_nsec, 48);
CLOCKBOUND_SHM_AT(clockbound_shm2, disruption_marker, 56);
CLOCKBOUND_SHM_AT(clockbound_shm2, max_drift_ppb, 64);
CLOCKBOUND_SHM_AT(clockbound_shm2, clock_status, 68);
CLOCKBOUND_SHM_AT(clockbound_shm2, disruption_support, 72);
CLOCKBOUND_SHM_AT(clockbound_shm2, padding, 73);

#endif
