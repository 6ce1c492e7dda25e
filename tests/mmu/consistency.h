/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_MMU_CONSISTENCY_H
#define TESTS_MMU_CONSISTENCY_H

/* What the MMU believes about its tables, against what is in them. Fails the test on a difference.
 */
void consistency_check(void);

#endif
