/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/program.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "symbol/debug_file.h"
#include "symbol/kernel_names.h"

struct program {
    struct elf_image image;
    struct elf_image debug;      /* the file with its debug information, when that is another */
    bool has_lines;              /* one of the two has debug information */
    bool tried_lines;            /* it was read */
    struct dwarf_image *dwarf;   /* NULL: not read yet, or it is broken */
    struct kernel_names *kernel; /* of SYMBOL_PATH_KERNEL, else NULL */
};

static int program_load(struct program *program, const char *path, bool may_download, struct err *err)
{
    int status = elf_image_load_symbols(&program->image, &program->image, err);
    program->has_lines = elf_image_has_lines(&program->image);
    if (!status && !program->has_lines)
        status = debug_file_open(&program->image, path, may_download, &program->debug, err);
    if (!status && program->debug.elf) {
        status = elf_image_load_symbols(&program->image, &program->debug, err);
        program->has_lines = elf_image_has_lines(&program->debug);
    }
    return status;
}

static bool is_wanted(const struct elf_image *image, const struct symbol_module *module)
{
    if (!image->elf)
        return false;
    if (!module->build_id || !module->build_id_size || !image->build_id_size)
        return true;
    return image->build_id_size == module->build_id_size &&
           memcmp(image->build_id, module->build_id, module->build_id_size) == 0;
}

static int open_image(const struct symbol_module *module, struct elf_image *ret_image, struct err *err)
{
    *ret_image = (struct elf_image){.fd = -1};
    if (strcmp(module->path, SYMBOL_PATH_VDSO) == 0)
        return elf_image_open_vdso(ret_image, err);
    if (module->fd < 0 && module->path[0] != '/')
        return 0;
    /* A descriptor of our own: the caller keeps its one. O_NONBLOCK: the name may be a pipe's by now. */
    int fd = module->fd >= 0 ? fcntl(module->fd, F_DUPFD_CLOEXEC, 0)
                             : open(module->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return 0;
    int status = elf_image_open(fd, ret_image, err);
    if (status)
        close(fd);
    return status;
}

static int open_kernel(struct program *program, const char *cache_folder, struct err *err)
{
    program->kernel = calloc(1, sizeof *program->kernel);
    return program->kernel ? kernel_names_open(program->kernel, cache_folder, err) : err_memory(err);
}

int program_open(const struct symbol_module *module, const struct program_options *options,
                 struct program **ret_program, struct err *err)
{
    *ret_program = NULL;
    struct program *program = calloc(1, sizeof *program);
    if (!program)
        return err_memory(err);
    program->debug.fd = program->image.fd = -1;
    bool wanted = false;
    int status;
    if (strcmp(module->path, SYMBOL_PATH_KERNEL) == 0) {
        status = open_kernel(program, options->cache_folder, err);
        wanted = !status && program->kernel->table.entries.count > 0;
    } else {
        status = open_image(module, &program->image, err);
        wanted = !status && is_wanted(&program->image, module);
        if (wanted)
            status = program_load(program, module->path, !options->is_early, err);
        wanted = wanted && !(options->is_early && !program->has_lines && debug_file_may_download());
    }
    if (status || !wanted) {
        program_close(program);
        return status;
    }
    *ret_program = program;
    return 0;
}

bool program_has_lines(const struct program *program)
{
    return program->has_lines;
}

/* Within the address's own segment offsets and addresses differ by a constant. */
static void to_offsets(uint64_t offset, uint64_t address, struct dwarf_answer *answer)
{
    uint64_t below = answer->low < address ? address - answer->low : 0;
    uint64_t above = answer->high > address ? answer->high - address : 1;
    answer->low = offset - num_min(below, offset);
    if (num_add_u64(offset, above, &answer->high))
        answer->high = UINT64_MAX;
}

static int find_kernel(struct program *program, uint64_t address, struct dwarf_answer *answer,
                       struct err *err)
{
    const struct name_entry *entry;
    int status = kernel_names_find(program->kernel, address, &entry, err);
    if (status || !entry)
        return status;
    answer->low = entry->low;
    answer->high = entry->high;
    struct dwarf_frame frame = {.name = entry->name, .file = entry->module};
    return vec_push(&answer->frames, frame) ? err_memory(err) : 0;
}

static int open_lines(struct program *program, struct err *err)
{
    if (!program->has_lines || program->tried_lines)
        return 0;
    program->tried_lines = true;
    return dwarf_image_open(program->debug.elf ? program->debug.elf : program->image.elf, &program->dwarf,
                            err);
}

static int find(struct program *program, uint64_t offset, bool with_lines, struct dwarf_answer *answer,
                struct err *err)
{
    answer->frames.count = 0;
    answer->low = offset;
    answer->high = offset + 1;
    uint64_t address;
    if (program->kernel)
        return find_kernel(program, offset, answer, err);
    if (!elf_image_address(&program->image, offset, &address))
        return 0;
    const struct elf_symbol *symbol = elf_image_find(&program->image, address, &answer->low, &answer->high);
    int status = with_lines ? open_lines(program, err) : 0;
    if (!status && with_lines && program->dwarf)
        status = dwarf_image_find(program->dwarf, address, answer, err);
    if (status)
        return status;
    if (answer->frames.count == 0 && symbol) {
        if (vec_push(&answer->frames, (struct dwarf_frame){.name = symbol->name}))
            return err_memory(err);
    } else if (symbol) {
        answer->frames.items[0].name = symbol->name;
    }
    to_offsets(offset, address, answer);
    return 0;
}

int program_find_name(struct program *program, uint64_t offset, struct dwarf_answer *answer, struct err *err)
{
    return find(program, offset, false, answer, err);
}

int program_find_lines(struct program *program, uint64_t offset, struct dwarf_answer *answer, struct err *err)
{
    return find(program, offset, true, answer, err);
}

void program_close(struct program *program)
{
    if (!program)
        return;
    dwarf_image_close(program->dwarf);
    elf_image_close(&program->debug);
    elf_image_close(&program->image);
    if (program->kernel)
        kernel_names_close(program->kernel);
    free(program->kernel);
    free(program);
}
