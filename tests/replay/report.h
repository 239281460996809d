/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judgements for people, as a table, and for programs, as JSON. Layer: tests/replay, above judge.
 */
#ifndef CBD_REPLAY_REPORT_H
#define CBD_REPLAY_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "tests/replay/judge.h"

/* cbd_report_table - one line for each of @count judgements, and one for @whole if there are several */
void cbd_report_table(FILE *out, struct cbd_judgement *judgement, size_t count, struct cbd_judgement *whole);

/* cbd_report_json - a list of objects, one for each; numbers that do not exist are null. False: cannot write. */
bool cbd_report_json(FILE *out, struct cbd_judgement *judgement, size_t count);

#endif
