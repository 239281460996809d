/* SPDX-License-Identifier: Apache-2.0 */
/* What the control socket tells of VMClock, whom it lets inject, and what is refused. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/control/answer.h"

static struct cbd_control control;
static int vm_fd;
static uint32_t injected_kind;
static uint32_t injected_ms;
static uint32_t answer_to_inject;

static void fill_vm(void *context, struct clockbound_control_vmclock *answer)
{
	(void)context;
	answer->has_vmclock = vm_fd >= 0;
	answer->marker = 7;
}

static int say_descriptor(void *context)
{
	(void)context;
	return vm_fd;
}

static uint32_t take_inject(void *context, uint32_t kind, uint32_t for_ms, uint32_t uid)
{
	(void)context;
	assert_int_equal((int64_t)uid, control.asker_uid);
	injected_kind = kind;
	injected_ms = for_ms;
	return answer_to_inject;
}

static const struct cbd_control_vm vm = {
	.fill = fill_vm, .descriptor = say_descriptor, .inject = take_inject, .context = NULL};

static int begin(void **state)
{
	(void)state;
	memset(&control, 0, sizeof(control));
	control.asker_uid = 0;
	cbd_control_set_vm(&control, &vm);
	vm_fd = -1;
	injected_kind = UINT32_MAX;
	answer_to_inject = CLOCKBOUND_CONTROL_OK;
	return 0;
}

static struct clockbound_control_request request_for(uint32_t what)
{
	return (struct clockbound_control_request){
		.magic = CLOCKBOUND_CONTROL_MAGIC, .version = CLOCKBOUND_CONTROL_VERSION, .request = what};
}

static uint32_t inject(uint32_t kind, uint32_t for_ms)
{
	struct clockbound_control_request request = request_for(CLOCKBOUND_CONTROL_INJECT);
	union cbd_control_answer answer;

	request.kind = kind;
	request.for_ms = for_ms;
	assert_int_equal(cbd_control_answer_make(&control, &request, sizeof(request), &answer), -1);
	assert_int_equal(answer.reply.size, sizeof(answer.reply));
	return answer.reply.result;
}

static void the_vmclocks_descriptor_goes_with_the_answer(void **state)
{
	const struct clockbound_control_request request = request_for(CLOCKBOUND_CONTROL_VMCLOCK);
	union cbd_control_answer answer;

	(void)state;
	assert_int_equal(cbd_control_answer_make(&control, &request, sizeof(request), &answer), -1);
	assert_int_equal(answer.vmclock.has_vmclock, 0);
	vm_fd = 5;
	assert_int_equal(cbd_control_answer_make(&control, &request, sizeof(request), &answer), 5);
	assert_int_equal(answer.vmclock.has_vmclock, 1);
	assert_int_equal(answer.vmclock.marker, 7);
	assert_int_equal(answer.reply.size, sizeof(answer.vmclock));
	assert_int_equal(answer.reply.result, CLOCKBOUND_CONTROL_OK);
}

static void without_one_the_answer_says_why(void **state)
{
	const struct clockbound_control_request request = request_for(CLOCKBOUND_CONTROL_VMCLOCK);
	union cbd_control_answer answer;

	(void)state;
	cbd_control_set_vm(&control, NULL);
	assert_int_equal(cbd_control_answer_make(&control, &request, sizeof(request), &answer), -1);
	assert_int_equal(answer.vmclock.has_vmclock, 0);
	assert_true(strlen(answer.vmclock.reason) > 10);
}

static void root_and_the_daemons_user_may_inject_and_nobody_else(void **state)
{
	(void)state;
	assert_int_equal(inject(CLOCKBOUND_INJECT_STEP, 1500), CLOCKBOUND_CONTROL_OK);
	assert_int_equal(injected_kind, CLOCKBOUND_INJECT_STEP);
	assert_int_equal(injected_ms, 1500);
	control.asker_uid = (int64_t)geteuid();
	assert_int_equal(inject(CLOCKBOUND_INJECT_TORN, 1), CLOCKBOUND_CONTROL_OK);
	injected_kind = UINT32_MAX;
	control.asker_uid = (int64_t)geteuid() + 4711;
	assert_int_equal(inject(CLOCKBOUND_INJECT_STEP, 1500), CLOCKBOUND_CONTROL_NOT_PERMITTED);
	control.asker_uid = -1;
	assert_int_equal(inject(CLOCKBOUND_INJECT_STEP, 1500), CLOCKBOUND_CONTROL_NOT_PERMITTED);
	assert_int_equal(injected_kind, UINT32_MAX);
}

static void what_the_daemon_answers_is_what_is_told(void **state)
{
	(void)state;
	answer_to_inject = CLOCKBOUND_CONTROL_NOT_ALLOWED;
	assert_int_equal(inject(CLOCKBOUND_INJECT_STEP, 1500), CLOCKBOUND_CONTROL_NOT_ALLOWED);
	answer_to_inject = CLOCKBOUND_CONTROL_NOT_VALID;
	assert_int_equal(inject(CLOCKBOUND_INJECT_SYNCHRONIZED, 1500), CLOCKBOUND_CONTROL_NOT_VALID);
	cbd_control_set_vm(&control, NULL);
	assert_int_equal(inject(CLOCKBOUND_INJECT_STEP, 1500), CLOCKBOUND_CONTROL_NOT_ALLOWED);
}

static void kinds_and_times_that_cannot_be_are_refused(void **state)
{
	(void)state;
	assert_int_equal(inject(CLOCKBOUND_INJECT_LAST + 1, 1), CLOCKBOUND_CONTROL_BAD_REQUEST);
	assert_int_equal(inject(CLOCKBOUND_INJECT_STEP, CLOCKBOUND_INJECT_MS_MAX + 1),
			 CLOCKBOUND_CONTROL_BAD_REQUEST);
	assert_int_equal(injected_kind, UINT32_MAX);
	assert_int_equal(inject(CLOCKBOUND_INJECT_STEP, CLOCKBOUND_INJECT_MS_MAX), CLOCKBOUND_CONTROL_OK);
	assert_int_equal(inject(CLOCKBOUND_INJECT_OFF, 0), CLOCKBOUND_CONTROL_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_vmclocks_descriptor_goes_with_the_answer, begin),
		cmocka_unit_test_setup(without_one_the_answer_says_why, begin),
		cmocka_unit_test_setup(root_and_the_daemons_user_may_inject_and_nobody_else, begin),
		cmocka_unit_test_setup(what_the_daemon_answers_is_what_is_told, begin),
		cmocka_unit_test_setup(kinds_and_times_that_cannot_be_are_refused, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
