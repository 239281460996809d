/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VMClock page: what a hypervisor tells a virtual machine about its clock, ABI version 1. Layout only; the page
 * is the hypervisor's. We use its disruption marker, which changes when the machine was moved to another host or
 * restored, the generation counter and the advance warnings; the time that it may carry is not used.
 * Source: the VMClock specification 1.1 and Linux's vmclock-abi.h.
 *
 * Every field is little-endian on every CPU. A field exists only if `size` reaches its end. The marker is one
 * aligned load and needs no seq_count; everything else is read between two equal, even ones.
 */
#ifndef CLOCKBOUND_UAPI_VMCLOCK_H
#define CLOCKBOUND_UAPI_VMCLOCK_H

#include <clockbound/types.h>

#define CLOCKBOUND_VMCLOCK_MAGIC	 0x4b4c4356u /* bytes "VCLK" */
#define CLOCKBOUND_VMCLOCK_VERSION	 1u
#define CLOCKBOUND_VMCLOCK_SIZE_MIN	 0x18u /* the end of disruption_marker: without it the page is of no use */
#define CLOCKBOUND_VMCLOCK_SIZE_MAX	 4096u /* of what the kernel lets anybody map */
#define CLOCKBOUND_VMCLOCK_MARKER_OFFSET 0x10

/* `flags` */
#define CLOCKBOUND_VMCLOCK_DISRUPTION_SOON     (UINT64_C(1) << 1) /* within about a day */
#define CLOCKBOUND_VMCLOCK_DISRUPTION_IMMINENT (UINT64_C(1) << 2) /* within about an hour */
#define CLOCKBOUND_VMCLOCK_HAS_GENERATION      (UINT64_C(1) << 8)
#define CLOCKBOUND_VMCLOCK_NOTIFIES	       (UINT64_C(1) << 9) /* poll() wakes at every change */

/* `clock_status` */
#define CLOCKBOUND_VMCLOCK_UNKNOWN	0u
#define CLOCKBOUND_VMCLOCK_INITIALIZING 1u
#define CLOCKBOUND_VMCLOCK_SYNCHRONIZED 2u
#define CLOCKBOUND_VMCLOCK_FREERUNNING	3u
#define CLOCKBOUND_VMCLOCK_UNRELIABLE	4u

struct clockbound_vmclock {
	uint32_t magic;		    /* CLOCKBOUND_VMCLOCK_MAGIC; constant */
	uint32_t size;		    /* bytes of the region, not of this struct; constant */
	uint16_t version;	    /* CLOCKBOUND_VMCLOCK_VERSION; constant */
	uint8_t counter_id;	    /* 0 CNTVCT, 1 TSC, 255: no time in this page; constant */
	uint8_t time_type;	    /* 0 UTC, 1 TAI, others are not used; constant */
	uint32_t seq_count;	    /* odd: being written */
	uint64_t disruption_marker; /* another value after every disruption; compared for equality only */
	uint64_t flags;		    /* CLOCKBOUND_VMCLOCK_* */
	uint8_t pad[2];
	uint8_t clock_status; /* CLOCKBOUND_VMCLOCK_UNKNOWN ... */
	uint8_t leap_second_smearing_hint;
	int16_t tai_offset_sec;
	uint8_t leap_indicator;
	uint8_t counter_period_shift;
	uint64_t counter_value;
	uint64_t counter_period_frac_sec;
	uint64_t counter_period_esterror_rate_frac_sec;
	uint64_t counter_period_maxerror_rate_frac_sec;
	uint64_t time_sec;
	uint64_t time_frac_sec;
	uint64_t time_esterror_nanosec;
	uint64_t time_maxerror_nanosec;
	uint64_t
		vm_generation_counter; /* another value after a restore or a clone, with HAS_GENERATION only */
};

#define CLOCKBOUND_VMCLOCK_AT(field, offset)                                                                 \
	CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_vmclock, field) == (offset),                     \
				 "clockbound_vmclock." #field " must stand at " #offset)

CLOCKBOUND_VMCLOCK_AT(magic, 0x00);
CLOCKBOUND_VMCLOCK_AT(size, 0x04);
CLOCKBOUND_VMCLOCK_AT(version, 0x08);
CLOCKBOUND_VMCLOCK_AT(counter_id, 0x0a);
CLOCKBOUND_VMCLOCK_AT(time_type, 0x0b);
CLOCKBOUND_VMCLOCK_AT(seq_count, 0x0c);
CLOCKBOUND_VMCLOCK_AT(disruption_marker, CLOCKBOUND_VMCLOCK_MARKER_OFFSET);
CLOCKBOUND_VMCLOCK_AT(flags, 0x18);
CLOCKBOUND_VMCLOCK_AT(pad, 0x20);
CLOCKBOUND_VMCLOCK_AT(clock_status, 0x22);
CLOCKBOUND_VMCLOCK_AT(leap_second_smearing_hint, 0x23);
CLOCKBOUND_VMCLOCK_AT(tai_offset_sec, 0x24);
CLOCKBOUND_VMCLOCK_AT(leap_indicator, 0x26);
CLOCKBOUND_VMCLOCK_AT(counter_period_shift, 0x27);
CLOCKBOUND_VMCLOCK_AT(counter_value, 0x28);
CLOCKBOUND_VMCLOCK_AT(counter_period_frac_sec, 0x30);
CLOCKBOUND_VMCLOCK_AT(counter_period_esterror_rate_frac_sec, 0x38);
CLOCKBOUND_VMCLOCK_AT(counter_period_maxerror_rate_frac_sec, 0x40);
CLOCKBOUND_VMCLOCK_AT(time_sec, 0x48);
CLOCKBOUND_VMCLOCK_AT(time_frac_sec, 0x50);
CLOCKBOUND_VMCLOCK_AT(time_esterror_nanosec, 0x58);
CLOCKBOUND_VMCLOCK_AT(time_maxerror_nanosec, 0x60);
CLOCKBOUND_VMCLOCK_AT(vm_generation_counter, 0x68);
CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_vmclock) == 0x70,
			 "the VMClock page's fields are 112 bytes");

#endif
