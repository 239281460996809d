/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loop has to do with the probe: the page file follows the epochs that it counts, anchors begin with them,
 * and a clock that was moved brings the next poll forward. It judges nothing: what a step is, the core says.
 */
#include "daemon/loop.h"

#include "daemon/log.h"

/* From a poll's beginning to that of the next, if events ask for it: a flood of events is no flood of polls. */
#define PROMPT_MIN_NS INT64_C(5000000)

/*
 * The kernel page is lost. What the slots and the core had not taken into account of its last numbers, they have not of
 * the new ones either. A poll under way began with the former numbers, and is not used.
 */
static void move_home(struct cbd_loop *loop)
{
	const struct cbd_probe *probe = &loop->probe;
	bool has_counter = loop->core.out.counter_epoch == probe->left.counter_epoch;
	const struct cbd_epochs home = {
		.has_kernel = true,
		.counter = probe->home.counter_epoch - (has_counter ? 0 : 1),
		.clock = probe->home.clock_epoch,
		.rate = probe->home.rate_epoch,
	};

	loop->is_home_moved = true;
	loop->is_poll_void = loop->is_polling;
	cbd_page_writer_follow(&loop->publisher.page, &probe->left);
	cbd_page_writer_set_home(&loop->publisher.page, 0, &probe->home, 0);
	cbd_core_rehome(&loop->core, &home);
}

void cbd_loop_probe_follow(struct cbd_loop *loop)
{
	struct cbd_page_writer *page = &loop->publisher.page;
	struct clockbound_epochs epochs;

	/* A page that was given up stays RETIRED; one that was cut must not be touched, which the next publication
	 * finds out and says. */
	if (loop->failure != 0 || !cbd_mapping_is_whole(&page->mapping)) {
		return;
	}
	if (loop->probe.is_home_lost && !loop->is_home_moved) {
		move_home(loop);
	}
	cbd_probe_current(&loop->probe, &epochs);
	cbd_page_writer_follow(page, &epochs);
}

void cbd_loop_probe_count(struct cbd_loop *loop)
{
	loop->clocks.clock.epochs = cbd_probe_epochs;
	loop->clocks.clock.epochs_context = &loop->probe;
}

/* The clock was moved: asks chronyd at once, so that the bound is new when the clock is. */
static void prompt(struct cbd_loop *loop)
{
	int64_t now_ns = cbd_clock_mono_ns(&loop->clocks.clock);
	int64_t soonest_ns = loop->begin_ns + PROMPT_MIN_NS;
	int64_t at_ns = soonest_ns > now_ns ? soonest_ns : now_ns;

	if (loop->is_polling) {
		loop->wants_poll = true; /* its first anchor may be from before */
		return;
	}
	loop->wants_poll = false;
	/* Never later than it was due: that would let whoever goes on making events put it off for ever. */
	if (at_ns < loop->schedule.next_ns) {
		loop->schedule.next_ns = at_ns;
	}
}

void cbd_loop_probe_on_poll(struct cbd_loop *loop, const struct cbd_anchor *anchor)
{
	if (cbd_probe_on_poll(&loop->probe, anchor)) {
		loop->wants_poll = true;
	}
	cbd_loop_probe_follow(loop);
	if (loop->wants_poll) {
		prompt(loop);
	}
}

void cbd_loop_probe_on_ready(struct cbd_loop *loop)
{
	bool wants_poll = cbd_probe_on_ready(&loop->probe);

	cbd_loop_probe_follow(loop); /* first: readers of the file learn of it here */
	if (wants_poll) {
		prompt(loop);
	}
}

static void probe_info(void *context, struct cbd_probe_info *info)
{
	cbd_probe_info(context, info);
}

static int probe_map_fd(void *context)
{
	return cbd_probe_map_fd(context);
}

static const struct cbd_history *probe_events(void *context)
{
	return cbd_probe_events(context);
}

/*
 * What happened to clock and counter while no daemon was there to mirror it, or none at all. Only now: whatever comes
 * after this look is marked by the new home.
 */
static void look_back(struct cbd_loop *loop, bool is_same_home)
{
	struct cbd_anchor now;
	bool has_now = cbd_clock_anchor(&loop->clocks.clock, &now) == 0;
	uint32_t moved = cbd_page_writer_look_back(&loop->publisher.page, has_now ? &now : NULL);

	if ((moved & CBD_REQUEST_BUMP_RATE) != 0) {
		cbd_log(CBD_LOG_INFO, "rate_moved_meanwhile",
			"the rate of CLOCK_REALTIME was changed since a former daemon published: "
			"wider for its readers until this one does");
	}
	if ((moved & ~CBD_REQUEST_BUMP_RATE) != 0) {
		bool is_counter = (moved & CBD_REQUEST_BUMP_COUNTER) != 0;

		cbd_log(CBD_LOG_NOTICE, "moved_meanwhile",
			"%s since a former daemon published: not valid for readers of %s until this one does",
			is_counter ? "the machine may have slept" : "CLOCK_REALTIME may have been moved",
			is_counter ? "the counter" : "CLOCK_REALTIME");
	}
	if (is_same_home) {
		cbd_probe_bump(&loop->probe, moved);
	}
}

void cbd_loop_probe_look_again(struct cbd_loop *loop, const struct cbd_anchor *now)
{
	uint32_t moved;

	if (loop->failure != 0 || !cbd_mapping_is_whole(&loop->publisher.page.mapping)) {
		return;
	}
	moved = cbd_page_writer_look_again(&loop->publisher.page, now);
	/* A counter that is lost the core has seen for itself. */
	cbd_probe_bump(&loop->probe, moved & ~CBD_REQUEST_BUMP_COUNTER);
	cbd_loop_probe_follow(loop);
}

void cbd_loop_probe_open(struct cbd_loop *loop, const struct cbd_page_identity *identity)
{
	struct cbd_page_writer *page = &loop->publisher.page;
	const struct cbd_probe_options options = {
		.best = loop->config->probe,
		.pin_dir = loop->config->pin,
		.boot_id = {identity->boot_id[0], identity->boot_id[1]},
		.former_id = cbd_page_writer_home(page),
		.file_epochs = page->was,
		.next_epochs = cbd_page_writer_next_epochs(page),
		.clock = &loop->clocks.clock,
	};
	struct cbd_probe_info info;

	cbd_probe_open(&loop->probe, &options);
	cbd_probe_info(&loop->probe, &info);
	cbd_loop_probe_count(loop);
	look_back(loop, info.page_id == options.former_id);
	cbd_page_writer_set_home(page, info.page_id, &loop->probe.home, 0);
	cbd_loop_probe_follow(loop);
	loop->told_probe = (struct cbd_control_probe){
		.info = probe_info,
		.map_fd = probe_map_fd,
		.events = probe_events,
		.context = &loop->probe,
	};
	cbd_control_set_probe(&loop->control, &loop->told_probe);
}
