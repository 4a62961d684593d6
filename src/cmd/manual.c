/* SPDX-License-Identifier: Apache-2.0 */
/* manual: the man page and the shell completion, from the same tables as the help. */
#include "cmd/help.h"

#include <string.h>

#include "cmd/verb_table.h"

/* Text as roff takes it: '-' and '\' are escaped, and no line begins with a control character. */
static void print_roff(FILE *out, const char *text)
{
    bool at_start = true;

    for (; *text; text++) {
        if (at_start && (*text == '.' || *text == '\''))
            fputs("\\&", out);
        if (text[0] == '\n' && text[1] == '\n') {
            fputs("\n.PP\n", out);
            text++;
            at_start = true;
            continue;
        }
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            fputc(*text, out);
        at_start = *text == '\n';
    }
}

static void print_roff_option(FILE *out, const struct option_row *row)
{
    fputs(".TP\n", out);
    if (row->letter)
        fprintf(out, "\\fB\\-%c\\fR, ", row->letter);
    fputs("\\fB\\-\\-", out);
    print_roff(out, row->name);
    fputs("\\fR", out);
    if (row->argument)
        fprintf(out, " \\fI%s\\fR", row->argument);
    fputc('\n', out);
    print_roff(out, row->help);
    if (row->choices) {
        fputs(" (", out);
        print_roff(out, row->choices);
        fputc(')', out);
    }
    fputc('\n', out);
}

static void print_roff_verb(FILE *out, const struct verb *verb)
{
    fprintf(out, ".SS \"toll %s\"\n", verb->name);
    print_roff(out, verb->summary);
    fprintf(out, "\n.PP\n\\fBtoll %s\\fR ", verb->name);
    print_roff(out, verb->usage);
    fputc('\n', out);
    if (verb->description) {
        fputs(".PP\n", out);
        print_roff(out, verb->description);
        fputc('\n', out);
    }
    for (size_t i = 0; i < verb->option_count; i++)
        print_roff_option(out, &verb->options[i]);
    for (size_t i = 0; i < verb->example_count; i++) {
        fputs(".PP\nExample: ", out);
        print_roff(out, verb->examples[i].what);
        fputs("\n.PP\n.nf\n.RS\n", out);
        print_roff(out, verb->examples[i].command);
        fputs("\n.RE\n.fi\n", out);
    }
}

static const struct {
    const char *status;
    const char *meaning;
} exit_statuses[] = {
    {"0", "all is well"},
    {"1", "a threshold was crossed"},
    {"2", "the command line is wrong"},
    {"3", "the machine refused: permission, disk, memory"},
    {"4", "a file is not what it should be"},
    {"70", "a bug of toll"},
    {"125, 126, 127",
     "toll run, toll span: toll itself failed, the command is not executable, it was not found; "
     "else the command's own status"},
};

void manual_print_roff(FILE *out)
{
    fprintf(out,
            ".\\\" Written by `toll help --man` from the tables of the verbs.\n"
            ".TH TOLL 1 \"\" \"toll %s\" \"User Commands\"\n"
            ".SH NAME\ntoll \\- find what a program is really waiting for, and what fixing it is worth\n"
            ".SH SYNOPSIS\n.B toll\n\\fIVERB\\fR [\\fIARGUMENTS\\fR]\n.SH DESCRIPTION\n",
            TOLL_VERSION);
    print_roff(
        out, "toll records a run with next to no overhead, finds the critical path across threads, processes "
             "and the servers they talk to, ranks causes by what fixing each would bring, and says what is "
             "not to blame.\n\nStart with: toll run -- COMMAND\n");
    fputs(".SH VERBS\n", out);
    for (size_t i = 0; i < verb_count; i++)
        if (!verbs[i]->is_hidden)
            print_roff_verb(out, verbs[i]);
    fputs(".SH EXIT STATUS\n", out);
    for (size_t i = 0; i < sizeof exit_statuses / sizeof exit_statuses[0]; i++)
        fprintf(out, ".TP\n%s\n%s\n", exit_statuses[i].status, exit_statuses[i].meaning);
    fputs(
        ".SH ENVIRONMENT\n.TP\nNO_COLOR\nset to anything: no colour\n.TP\nCOLUMNS\nthe width of the output\n",
        out);
}

static void print_bash_verb(FILE *out, const struct verb *verb)
{
    fprintf(out, "    %s)\n        case \"$before\" in\n", verb->name);
    for (size_t i = 0; i < verb->option_count; i++) {
        const struct option_row *row = &verb->options[i];
        if (!row->choices)
            continue;
        fprintf(out, "        --%s", row->name);
        if (row->letter)
            fprintf(out, "|-%c", row->letter);
        fprintf(out, ") COMPREPLY=($(compgen -W '%s' -- \"$word\")); return;;\n", row->choices);
    }
    fputs("        esac\n        options='--help", out);
    for (size_t i = 0; i < verb->option_count; i++)
        fprintf(out, " --%s", verb->options[i].name);
    fputs("';;\n", out);
}

void manual_print_bash(FILE *out)
{
    fputs("# Written by `toll help --bash` from the tables of the verbs.\n"
          "_toll()\n{\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} options=\n"
          "    COMPREPLY=()\n"
          "    if [ \"$COMP_CWORD\" = 1 ]; then\n        COMPREPLY=($(compgen -W '",
          out);
    for (size_t i = 0; i < verb_count; i++)
        if (!verbs[i]->is_hidden)
            fprintf(out, "%s%s", i ? " " : "", verbs[i]->name);
    fputs("' -- \"$word\"))\n        return\n    fi\n    case \"${COMP_WORDS[1]}\" in\n", out);
    for (size_t i = 0; i < verb_count; i++)
        if (!verbs[i]->is_hidden)
            print_bash_verb(out, verbs[i]);
    fputs("    esac\n    case \"$word\" in\n"
          "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\"));;\n"
          "    *) COMPREPLY=($(compgen -f -X '!*.toll' -- \"$word\") $(compgen -d -- \"$word\"));;\n"
          "    esac\n}\ncomplete -o filenames -o bashdefault -F _toll toll\n",
          out);
}
