/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chronyd's choice among its sources, in simple form: those whose intervals overlap in the largest number are
 * right if they are the majority; the nearest is selected, the others are combined with it.
 */
#ifndef TESTS_SIM_SELECT_H
#define TESTS_SIM_SELECT_H

#include "tests/sim/chronyd.h"

/* sim_select - sets every source's state and chronyd->selected; false if there is no majority, or nothing yet */
bool sim_select(struct sim_chronyd *chronyd, int64_t x_ns);

/* sim_select_combine - what selected and combined sources say together, offset as of @x_ns */
struct sim_estimate sim_select_combine(const struct sim_chronyd *chronyd, int64_t x_ns);

#endif
