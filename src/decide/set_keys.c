/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/set_keys.h"

#include "pipeline/file_key.h"

int decide_set_keys(char *const *words, size_t count, struct err *err)
{
    int status = 0;
    if (!count || count % 3)
        return err_set(err, ERR_USAGE, "could not set keys: it takes FILE KEY VALUE, again and again");
    for (size_t i = 0; !status && i < count; i += 3)
        status = file_key_write(words[i], words[i + 1], words[i + 2], err);
    return status;
}
