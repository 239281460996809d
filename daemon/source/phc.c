/* SPDX-License-Identifier: Apache-2.0 */
/* See phc.h. */
#include "daemon/source/phc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/q58.h"
#include "daemon/source/phc_scale.h"

/* A failure is left alone for a second; a device that says that it is busy for twice as long each time. */
#define PATIENCE_MIN_NS CBD_NS_PER_SEC
#define PATIENCE_MAX_NS (8 * CBD_NS_PER_SEC)
/* ENA takes 125 requests a second from everybody together and then refuses all of them for a while; chronyd makes 25 a
 * second by default and 100 at dpoll -2. Ten of our own fit beside both. */
#define ENA_PREFIX  "ena-ptp"
#define ENA_SAMPLES 5
#define ENA_GAP_NS  (CBD_NS_PER_SEC / 2)
#define SAMPLES	    10
#define GAP_NS	    (CBD_NS_PER_SEC / 10)
/* Between two readings the PHC may leave CLOCK_MONOTONIC_RAW by this; more, and somebody has set it. */
#define JUMP_MIN_NS  1000000
#define JUMP_DIVISOR 1000
/* A device that was set, or has come back, is watched for so many readings before it counts again. */
#define UNPROVED 3

/* Whether it is ptp4l that tells the device's error: then nothing else does, even while it cannot be asked. */
static bool is_by_ptp4l(const struct cbd_phc *self)
{
	return self->options.ptp4l[0] != '\0';
}

static bool is_by_file(const struct cbd_phc *self)
{
	return !is_by_ptp4l(self) && self->options.bound_ns == 0;
}

int cbd_phc_init(struct cbd_phc *self, const struct cbd_phc_options *options,
		 const struct cbd_phc_system *system, const struct cbd_clock *clock)
{
	memset(self, 0, sizeof(*self));
	self->options = *options;
	self->system = system;
	self->clock = clock;
	self->fd = -1;
	self->ptp4l.fd = -1;
	self->identity.index = -1;
	self->next_ns = INT64_MIN;
	self->good_ns = INT64_MIN;
	self->patience_ns = PATIENCE_MIN_NS;
	snprintf(self->text, sizeof(self->text), "not read yet");
	if (is_by_ptp4l(self)) {
		return cbd_ptp4l_open(&self->ptp4l, options->ptp4l, options->ptp4l_domain,
				      options->ptp4l_transport, self->text, sizeof(self->text));
	}
	return 0;
}

static void close_device(struct cbd_phc *self)
{
	if (self->fd >= 0) {
		self->system->close_device(self->system->context, self->fd);
		self->fd = -1;
	}
	self->has_last = false;
	self->scale = CBD_PHC_SCALE_UNKNOWN;
}

void cbd_phc_close(struct cbd_phc *self)
{
	close_device(self);
	cbd_ptp4l_close(&self->ptp4l);
}

/* On a device that nobody can dial, nothing is. */
static void look_at_dial(struct cbd_phc *self)
{
	static const int64_t none = 0;
	int64_t frequency = 0;

	if (!is_by_ptp4l(self) || self->fd < 0) {
		return;
	}
	if (self->system->frequency(self->system->context, self->fd, &frequency) == 0) {
		cbd_ptp4l_dialled(&self->ptp4l, &frequency);
	} else {
		cbd_ptp4l_dialled(&self->ptp4l, cbd_phc_is_adjustable(self->system, self->fd) ? NULL : &none);
	}
}

void cbd_phc_begin(struct cbd_phc *self)
{
	look_at_dial(self);
	if (is_by_ptp4l(self)) {
		/* What does not come is missed when the bound is made; what came late counts as of the last poll. */
		(void)cbd_ptp4l_ask(&self->ptp4l, self->polled_ns);
	}
}

void cbd_phc_forget_scale(struct cbd_phc *self)
{
	self->scale = CBD_PHC_SCALE_UNKNOWN;
}

/* Where upstream's -i points to must be the device that is read. */
static int check_interface(struct cbd_phc *self, const struct cbd_phc_identity *known,
			   const struct cbd_phc_identity *found)
{
	struct cbd_phc_identity other;
	int result;

	if (self->options.device[0] == '\0' || self->options.interface[0] == '\0') {
		return 0;
	}
	result = cbd_phc_find(self->system, self->options.interface, known, &other, self->text,
			      sizeof(self->text));
	if (result == 0 && other.index != found->index) {
		snprintf(self->text, sizeof(self->text),
			 "--phc-device %.64s and the clock of --phc-interface %.16s (%.32s) are two devices: "
			 "name one",
			 self->options.device, self->options.interface, other.path);
		result = -EXDEV;
	}
	return result;
}

static int open_device(struct cbd_phc *self)
{
	const char *what = self->options.device[0] != '\0' ? self->options.device : self->options.interface;
	const struct cbd_phc_identity *known = self->stats.openings > 0 ? &self->identity : NULL;
	struct cbd_phc_identity found;
	int result = cbd_phc_find(self->system, what, known, &found, self->text, sizeof(self->text));

	self->is_new = self->is_new || known != NULL || result != 0;
	if (result == 0) {
		result = check_interface(self, known, &found);
	}
	if (result != 0) {
		return result;
	}
	result = self->system->open_device(self->system->context, found.path);
	if (result < 0) {
		snprintf(
			self->text, sizeof(self->text), "%.64s: %s%s", found.path, strerror(-result),
			result == -EACCES || result == -EPERM
				? "; the daemon's user must be able to read it (often: be in the group clock)"
				: "");
		return result;
	}
	self->fd = result;
	self->method = CBD_PHC_PRECISE;
	/* Drivers set a clock that they bring up to CLOCK_REALTIME, which makes it look right and proves nothing. */
	self->unproved = self->is_new ? UNPROVED : 0;
	cbd_phc_steer_forget(&self->steer);
	if (self->is_new && self->options.bound_ns > 0) {
		cbd_phc_steer_need_new(&self->steer);
	}
	self->identity = found;
	self->stats.openings++;
	cbd_phc_bound_files_of(
		&self->files, self->system, found.index,
		self->options.interface[0] != '\0' || strchr(what, '/') != NULL ? self->options.interface : what);
	return 0;
}

/* Once known it stays, since CLOCK_REALTIME may be stepped; but the second between TAI and UTC must be today's. */
static bool confirm_scale(struct cbd_phc *self, const struct cbd_phc_batch *batch, int32_t ptp4l_tai_s)
{
	int64_t utc_s =
		cbd_ns_sub(cbd_ns_add(batch->raw_ns, batch->low_ns), self->utc_offset_ns) / CBD_NS_PER_SEC;
	int32_t known_s = (int32_t)(self->utc_offset_ns / CBD_NS_PER_SEC);
	int32_t tai_s;

	if (self->scale == CBD_PHC_SCALE_UTC) {
		return true;
	}
	tai_s = is_by_ptp4l(self) ? ptp4l_tai_s
				  : cbd_phc_scale_again(self->system, utc_s, known_s, self->tai_at_s);
	self->tai_at_s = utc_s;
	if (tai_s != known_s) {
		self->scale = CBD_PHC_SCALE_UNKNOWN;
		snprintf(self->text, sizeof(self->text),
			 "TAI - UTC is no longer %d s%s: what %.64s counts is judged anew", (int)known_s,
			 tai_s == 0 ? ", for all that is known" : "", self->identity.path);
		return false;
	}
	return true;
}

/* Whom a device on UTC cannot belong to. */
static const char *why_not_utc(const struct cbd_phc *self)
{
	if (is_by_ptp4l(self)) {
		/* linuxptp carries the PTP time scale to a PHC as it is; UTC it makes for CLOCK_REALTIME alone. */
		return "counts UTC, and what ptp4l steers counts TAI: it is not, or not yet, steered by it";
	}
	if (self->has_counted_tai) {
		return "counted TAI and counts UTC now, as drivers set it: nobody steers it; restart the "
		       "daemon if that "
		       "is meant";
	}
	return NULL;
}

/* UTC or TAI, against CLOCK_REALTIME. */
static bool judge_scale(struct cbd_phc *self, const struct cbd_phc_batch *batch, int32_t ptp4l_tai_s)
{
	struct cbd_phc_pair real;
	const char *reason;
	int64_t ahead_ns;
	int64_t utc_s;
	int32_t tai_s;

	if (self->scale != CBD_PHC_SCALE_UNKNOWN) {
		return confirm_scale(self, batch, ptp4l_tai_s);
	}
	if (!cbd_phc_pair_read(self->clock, &real)) {
		snprintf(self->text, sizeof(self->text), "CLOCK_REALTIME cannot be read");
		return false;
	}
	ahead_ns = cbd_ns_sub(batch->low_ns, real.low_ns);
	utc_s = cbd_ns_add(batch->raw_ns, real.low_ns) / CBD_NS_PER_SEC;
	tai_s = is_by_ptp4l(self) ? ptp4l_tai_s : cbd_phc_scale_tai(self->system, utc_s);
	self->scale = cbd_phc_scale(ahead_ns, tai_s);
	self->utc_offset_ns = self->scale == CBD_PHC_SCALE_TAI ? tai_s * CBD_NS_PER_SEC : 0;
	self->tai_at_s = utc_s;
	if (self->scale == CBD_PHC_SCALE_UNKNOWN) {
		snprintf(self->text, sizeof(self->text),
			 "%.64s is %.3f s ahead of CLOCK_REALTIME: neither UTC nor TAI (TAI - UTC is %s%d s)",
			 self->identity.path, (double)ahead_ns * 1e-9,
			 tai_s != 0 ? "" : "not known: ", (int)tai_s);
		return false;
	}
	reason = self->scale == CBD_PHC_SCALE_UTC ? why_not_utc(self) : NULL;
	if (reason != NULL) {
		self->scale = CBD_PHC_SCALE_UNKNOWN;
		snprintf(self->text, sizeof(self->text), "%.64s %s", self->identity.path, reason);
		return false;
	}
	return true;
}

/* Whether the device went on from where it stood; a new one has nothing to go on from. */
static bool has_gone_on(struct cbd_phc *self, const struct cbd_phc_batch *batch)
{
	int64_t spare_ns = cbd_ns_sub(batch->raw_ns, self->last_raw_ns) / JUMP_DIVISOR + JUMP_MIN_NS;
	bool had_last = self->has_last;
	bool is_far = cbd_ns_sub(batch->low_ns, self->last_high_ns) > spare_ns ||
		      cbd_ns_sub(self->last_low_ns, batch->high_ns) > spare_ns;

	self->has_last = true;
	self->last_raw_ns = batch->raw_ns;
	self->last_low_ns = batch->low_ns;
	self->last_high_ns = batch->high_ns;
	if (had_last && is_far) {
		self->stats.jumps++;
		self->unproved = UNPROVED;
		if (self->options.bound_ns > 0) {
			/* Nobody but the administrator tells the error, and that was before. */
			cbd_phc_steer_need_set(&self->steer, self->system, self->fd);
		}
		self->scale = CBD_PHC_SCALE_UNKNOWN;
		snprintf(self->text, sizeof(self->text), "somebody set %.64s", self->identity.path);
		return false;
	}
	return true;
}

/*
 * It has been said that the device's error is not known: then not for a moment longer. A device that could not be read,
 * by us or, for all that its file says (-EBUSY), by somebody else, may be read next time: see CBD_PHC_GRACE_NS.
 */
static void lose_bound(struct cbd_phc *self, int result)
{
	if (result != -EBUSY) {
		self->reading.has_bound = false;
	}
}

/* The device's error at this reading, and where ptp4l says it, TAI - UTC. */
static int find_bound(struct cbd_phc *self, const struct cbd_phc_batch *batch, int64_t now_ns,
		      int64_t file_ns, struct cbd_ptp4l_bound *bound)
{
	int result = 0;

	bound->utc_offset_s = 0;
	if (is_by_ptp4l(self)) {
		look_at_dial(self);
		result = cbd_ptp4l_bound(&self->ptp4l, now_ns, cbd_ns_add(batch->raw_ns, batch->high_ns),
					 self->identity.index, self->options.rho_ppb, bound, self->text,
					 sizeof(self->text));
	} else {
		bound->bound_ns = is_by_file(self) ? file_ns : self->options.bound_ns;
	}
	return result;
}

/* A reading whose samples agree: what it is worth. Returns 0 or -errno with the reason in self->text. */
static int take_batch(struct cbd_phc *self, const struct cbd_phc_batch *batch, int64_t now_ns,
		      int64_t file_ns)
{
	struct cbd_ptp4l_bound bound;
	int result;

	if (!has_gone_on(self, batch)) {
		return -EBADMSG;
	}
	result = find_bound(self, batch, now_ns, file_ns, &bound);
	if (result != 0) {
		return result;
	}
	if (!judge_scale(self, batch, bound.utc_offset_s)) {
		return -ERANGE;
	}
	if (!cbd_phc_steer_look(&self->steer, self->system, self->fd, self->text, sizeof(self->text))) {
		return -EAGAIN;
	}
	if (self->unproved > 0) {
		self->unproved--;
		snprintf(self->text, sizeof(self->text), "%.64s was set or is new, and is watched first",
			 self->identity.path);
		return -EAGAIN;
	}
	self->has_counted_tai = self->has_counted_tai || self->scale == CBD_PHC_SCALE_TAI;
	self->reading.raw_ns = batch->raw_ns;
	self->reading.low_ns = cbd_ns_sub(batch->low_ns, self->utc_offset_ns);
	self->reading.high_ns = cbd_ns_sub(batch->high_ns, self->utc_offset_ns);
	self->reading.bound_ns = bound.bound_ns;
	cbd_phc_window_add(&self->window, now_ns, batch->width_ns, bound.bound_ns);
	self->reading.widest_ns = cbd_phc_window_widest_ns(&self->window);
	self->reading.worst_bound_ns = cbd_phc_window_worst_ns(&self->window);
	self->reading.has_offset = true;
	self->reading.has_bound = true;
	return 0;
}

/*
 * The driver's file tells the error at the last read of the device, whoever made it: so it is read before the first
 * sample and after each, which is one reading of the device then, and the largest covers all of them.
 */
static int read_with_file(struct cbd_phc *self, uint32_t samples, struct cbd_phc_batch *batch,
			  int64_t *file_ns)
{
	bool is_any = false;
	int64_t bound_ns;
	uint32_t i;

	if (cbd_phc_bound_read(self->system, &self->files, file_ns, self->text, sizeof(self->text)) != 0) {
		*file_ns = 0; /* nobody has read the device yet, or he failed */
	}
	for (i = 0; i < samples; i++) {
		struct cbd_phc_batch one;
		int result = cbd_phc_read(self->system, self->fd, self->clock, &self->method, 1, &one,
					  self->text, sizeof(self->text));

		if (result == -EIO) {
			continue; /* one that was interrupted */
		}
		if (result != 0) {
			return result;
		}
		result = cbd_phc_bound_read(self->system, &self->files, &bound_ns, self->text,
					    sizeof(self->text));
		if (result != 0) {
			lose_bound(self, result);
			return result;
		}
		*file_ns = cbd_ns_max(*file_ns, bound_ns);
		if (is_any && cbd_phc_batch_add(&one, batch, self->text, sizeof(self->text)) != 0) {
			return -EBADMSG;
		}
		*batch = one;
		is_any = true;
	}
	return is_any ? 0 : -EIO;
}

/* Cross time stamps have no width of their own, but chronyd's reads have if it does without them. */
static int read_width(struct cbd_phc *self, uint32_t samples, struct cbd_phc_batch *batch)
{
	int64_t width_ns = 0;
	int result = 0;

	if (self->method == CBD_PHC_PRECISE) {
		result = cbd_phc_read_width(self->system, self->fd, self->clock, samples, &width_ns,
					    self->text, sizeof(self->text));
		batch->width_ns = cbd_ns_max(batch->width_ns, width_ns);
	}
	return result;
}

static int read_device(struct cbd_phc *self, int64_t now_ns)
{
	bool is_ena = strncmp(self->identity.name, ENA_PREFIX, sizeof(ENA_PREFIX) - 1) == 0;
	uint32_t samples = is_ena ? ENA_SAMPLES : SAMPLES;
	struct cbd_phc_batch batch;
	int64_t file_ns = 0;
	int result;

	self->next_ns = cbd_ns_add(now_ns, is_ena ? ENA_GAP_NS : GAP_NS);
	result = is_by_file(self) ? read_with_file(self, samples, &batch, &file_ns)
				  : cbd_phc_read(self->system, self->fd, self->clock, &self->method, samples,
						 &batch, self->text, sizeof(self->text));
	if (result == 0) {
		result = read_width(self, samples, &batch);
	}
	if (result == -EBADMSG) {
		lose_bound(self, result); /* somebody set a clock: the device, for all that is known */
	}
	if (result == 0) {
		result = take_batch(self, &batch, now_ns, file_ns);
		if (result != 0) {
			lose_bound(self, result);
		}
	}
	if (result == -ENODEV) {
		/* For this descriptor for ever, and its number stays taken as long as we hold it. */
		snprintf(self->text, sizeof(self->text), "%.64s is gone: looking for %.64s",
			 self->identity.path, self->identity.name);
		close_device(self);
	}
	return result;
}

/* What went wrong is left alone for a while. */
static void fail(struct cbd_phc *self, int result, int64_t now_ns)
{
	self->stats.failures++;
	self->stats.dropped += result == -EBADMSG;
	if (result == -EBUSY) {
		self->stats.busy++;
		self->next_ns = cbd_ns_add(now_ns, self->patience_ns);
		self->patience_ns = cbd_ns_min(2 * self->patience_ns, PATIENCE_MAX_NS);
	} else if (self->fd < 0) {
		self->next_ns = cbd_ns_add(now_ns, PATIENCE_MIN_NS / 2);
	}
}

void cbd_phc_poll(struct cbd_phc *self, int64_t now_mono_ns)
{
	int result = 0;

	self->reading.has_offset = false;
	self->polled_ns = now_mono_ns;
	if (is_by_ptp4l(self)) {
		/* However it stands with the device: ptp4l waits, and steers nothing, when nobody reads its answers. */
		cbd_ptp4l_take(&self->ptp4l, now_mono_ns);
		look_at_dial(self);
	}
	if (now_mono_ns >= self->next_ns) {
		result = self->fd >= 0 ? 0 : open_device(self);
		if (result == 0) {
			result = read_device(self, now_mono_ns);
		}
		if (result == 0) {
			self->good_ns = now_mono_ns;
			self->patience_ns = PATIENCE_MIN_NS;
			self->stats.readings++;
			self->text[0] = '\0';
		} else {
			fail(self, result, now_mono_ns);
		}
	}
	if (self->good_ns == INT64_MIN || cbd_ns_sub(now_mono_ns, self->good_ns) > CBD_PHC_GRACE_NS) {
		self->reading.has_bound = false;
		self->reading.is_failed = true;
	} else {
		self->reading.is_failed = false;
	}
}
