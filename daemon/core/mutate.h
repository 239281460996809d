/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults put in on purpose, one at a time, by tests that must catch them: compiled with -DCBD_MUTATE_NAME=1 an
 * expression marked NAME is the faulty one. Nothing shipped is compiled so. No layer of its own; only macros.
 */
#ifndef CBD_CORE_MUTATE_H
#define CBD_CORE_MUTATE_H

/* 1 if CBD_MUTATE_<name> is defined as 1, else 0: the pasted "0," shifts the 1 into second place. */
#define CBD_MUTATE_SHIFT_1		      0,
#define CBD_MUTATE_SECOND(first, second, ...) second
#define CBD_MUTATE_IS_SHIFTED(shifted)	      CBD_MUTATE_SECOND(shifted 1, 0, 0)
#define CBD_MUTATE_IS_PASTED(value)	      CBD_MUTATE_IS_SHIFTED(CBD_MUTATE_SHIFT_##value)
#define CBD_MUTATE_IS(option)		      CBD_MUTATE_IS_PASTED(option)

/* CBD_MUTANT - @honest, but @faulty when this mutation is compiled in; both always compile */
#define CBD_MUTANT(name, faulty, honest) (CBD_MUTATE_IS(CBD_MUTATE_##name) ? (faulty) : (honest))

#endif
