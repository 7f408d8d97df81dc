/* SPDX-License-Identifier: MIT
 * The conditions of a number: machine, system, build. Read once per program, from files that need no rights; what is not told is null.
 * fma_peak_gflops is null here: only who has the machine to itself (benches, timing rows) measures it. */
#include "environment.h"

#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include "../../kernels/runtime/cpu.h"
#include "commit.h"

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

/* What follows `key` (and blanks, colons, equal signs) in the first line of the file that starts with it; key "": the first line. */
static bool file_line(const char *path, const char *key, char *text, size_t size)
{
    assert(key);
    assert(size > 0);
    char line[8192];
    FILE *f = fopen(path, "r");
    bool found = false;
    text[0] = 0;
    while (f && !found && fgets(line, sizeof line, f)) {
        if (strncmp(line, key, strlen(key))) continue;
        const char *value = line + strlen(key);
        value += strspn(value, " \t:=\"");
        size_t length = strcspn(value, "\"\n");
        snprintf(text, size, "%.*s", (int)length, value);
        found = true;
    }
    if (f) fclose(f);
    return found && text[0];
}

/* x86 tells by the CPU flag "hypervisor"; elsewhere the firmware's vendor is asked. A container on bare metal is not virtualised. */
static json_t *virtualised(void)
{
    static const char *const vendors[] = { "QEMU", "Amazon EC2", "Google", "VMware", "Xen", "innotek", "Alibaba", "Hetzner" };
    char text[8192];
    if (file_line("/proc/cpuinfo", "flags", text, sizeof text)) return json_boolean(strstr(text, " hypervisor") != NULL);
    if (file_line("/sys/hypervisor/type", "", text, sizeof text)) return json_true();
    if (!file_line("/sys/class/dmi/id/sys_vendor", "", text, sizeof text)) return json_null();
    for (size_t i = 0; i < sizeof vendors / sizeof *vendors; i++)
        if (strstr(text, vendors[i])) return json_true();
    return json_null();
}

static json_t *text_or_null(const char *text) { return text && *text ? json_string(text) : json_null(); }

/* What the system grants to memory that asks for huge pages, as arena.c's large blocks do: the word in brackets. */
static json_t *huge_pages(void)
{
    char line[256];
    if (!file_line("/sys/kernel/mm/transparent_hugepage/enabled", "", line, sizeof line)) return json_null();
    char *word = strchr(line, '['), *end = word ? strchr(word, ']') : NULL;
    if (!end) return json_null();
    *end = '\0';
    return json_string(word + 1);
}

json_t *environment_record(void)
{
    char release[256], governor[64], os[768];
    struct utsname name;
    bool known = uname(&name) == 0;
    bool pretty = file_line("/etc/os-release", "PRETTY_NAME", release, sizeof release);
    if (known) snprintf(os, sizeof os, "%s %s %s%s%s", name.sysname, name.release, name.machine, pretty ? ", " : "", release);
    file_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "", governor, sizeof governor);
    json_t *record = json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:n}", "cpu", text_or_null(cpu_name()), "compiler",
                               COMPILER, "flags", CONVGAUGE_FLAGS, "commit", text_or_null(CONVGAUGE_COMMIT), "dirty",
                               *CONVGAUGE_COMMIT ? json_boolean(CONVGAUGE_DIRTY) : json_null(), "os", text_or_null(known ? os : NULL),
                               "host", text_or_null(known ? name.nodename : NULL), "virtualised", virtualised(), "governor",
                               text_or_null(governor), "huge_pages", huge_pages(), "fma_peak_gflops");
    assert(record);
    return record;
}
