/* SPDX-License-Identifier: Apache-2.0 */
/* assert_near: for tests, after cmocka.h: two numbers at most `within` apart, printed when they are not. */
#ifndef TOLL_BASE_ASSERT_NEAR_H
#define TOLL_BASE_ASSERT_NEAR_H

#include <math.h>

#define assert_near(got, wanted, within)                                                                     \
    do {                                                                                                     \
        double near_got_ = (got), near_wanted_ = (wanted);                                                   \
        if (!(fabs(near_got_ - near_wanted_) <= (within)))                                                   \
            fail_msg("%s is %.12g, not %.12g", #got, near_got_, near_wanted_);                               \
    } while (0)

#endif
