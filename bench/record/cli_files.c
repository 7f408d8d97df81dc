/* SPDX-License-Identifier: MIT
 * The command line of programs that take files and a few flags of their own, not a study's. */
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"

const char **cli_files(const char *name, const char *what_it_does, const struct poptOption *own, int argc, const char **argv)
{
    static const char **files; /* what lives as long as the program is not lost at its end */
    int version = 0, opt;
    cli_name(name);
    open_standard(name);
    const struct poptOption all[] = { { NULL, 0, POPT_ARG_INCLUDE_TABLE, (void *)own, 0, NULL, NULL },
                                      { "version", 0, POPT_ARG_NONE, &version, 0, "print the version, and exit", NULL },
                                      { "help", 'h', POPT_ARG_NONE, NULL, 'h', "print this help, and exit", NULL },
                                      POPT_TABLEEND };
    poptContext context = poptGetContext(name, argc, argv, all, POPT_CONTEXT_NO_EXEC);
    char heading[2048];
    snprintf(heading, sizeof heading, "[OPTION...] FILE...\n%s", what_it_does);
    poptSetOtherOptionHelp(context, heading);
    while ((opt = poptGetNextOpt(context)) > 0) {
        if (opt != 'h') continue;
        poptPrintHelp(context, stdout, 0);
        exit(finished(EXIT_OK));
    }
    if (opt < -1) quit(EXIT_USAGE, "%s: %s; --help lists all flags", poptBadOption(context, POPT_BADOPTION_NOALIAS), poptStrerror(opt));
    if (version) {
        printf("%s %s\n", name, cli_version());
        exit(EXIT_OK);
    }
    const char **rest = poptGetArgs(context);
    int count = 0;
    while (rest && rest[count]) count++;
    if (count == 0) quit(EXIT_USAGE, "give files; --help says which");
    files = calloc((size_t)count + 1, sizeof *files);
    for (int i = 0; files && i < count; i++)
        if (!(files[i] = strdup(rest[i]))) quit(EXIT_FAIL, "out of memory");
    if (!files) quit(EXIT_FAIL, "out of memory");
    poptFreeContext(context);
    return files;
}
