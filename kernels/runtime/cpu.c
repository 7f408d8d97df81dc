/* SPDX-License-Identifier: MIT
 * CPU features, asked of the hardware (x86: cpuid and XCR0) or of the system (Linux on aarch64 and RISC-V: hwcap; macOS: sysctl).
 * A feature counts only when the operating system saves its registers: cpuid alone would let AVX-512 run into SIGILL under an old kernel
 * or an emulator. This file is built without ISA flags: it must run on the oldest CPU in order to say what that CPU lacks. */
#include "cpu.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 96 };

#if defined(__APPLE__)
#include <sys/sysctl.h>
#include <sys/types.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#include <sys/prctl.h>
#endif

#if defined(__riscv) && defined(__linux__)
#include <sys/auxv.h>
#endif

#if defined(__APPLE__)

/* XCR0 does not tell on macOS: the kernel enables zmm at a thread's first use. */
static int has(const char *feature)
{
    int value = 0;
    size_t size = sizeof value;
    return sysctlbyname(feature, &value, &size, NULL, 0) == 0 && value != 0;
}

static unsigned detect_simd(void)
{
    unsigned isas = 0;
    if (has("hw.optional.neon") || has("hw.optional.AdvSIMD")) isas |= 1u << ISA_NEON;
    if (has("hw.optional.avx2_0") && has("hw.optional.fma")) isas |= 1u << ISA_AVX2;
    if ((isas & 1u << ISA_AVX2) && has("hw.optional.avx512f")) isas |= 1u << ISA_AVX512;
    if ((isas & 1u << ISA_AVX512) && has("hw.optional.avx512vl")) isas |= 1u << ISA_AVX512VL;
    return isas;
}

static void ask_name(char name[NAME_SIZE])
{
    size_t size = NAME_SIZE - 1;
    if (sysctlbyname("machdep.cpu.brand_string", name, &size, NULL, 0) != 0) name[0] = 0;
}

#elif defined(__x86_64__)

/* Register state that the operating system saves; only callable when cpuid reports OSXSAVE. As asm, because the intrinsic needs -mxsave. */
static unsigned saved_state(void)
{
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    (void)high;
    return low;
}

static unsigned detect_simd(void)
{
    enum { FMA = 1u << 12, OSXSAVE = 1u << 27 };                      /* leaf 1, ecx */
    enum { AVX2 = 1u << 5, AVX512F = 1u << 16, AVX512VL = 1u << 31 }; /* leaf 7, ebx */
    enum { XMM_YMM = 0x06, XMM_YMM_ZMM = 0xE6 };
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & FMA) || !(c & OSXSAVE)) return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & AVX2)) return 0;
    unsigned saved = saved_state();
    if ((saved & XMM_YMM) != XMM_YMM) return 0;
    bool zmm = (b & AVX512F) && (saved & XMM_YMM_ZMM) == XMM_YMM_ZMM;
    return 1u << ISA_AVX2 | (zmm ? 1u << ISA_AVX512 : 0) | (zmm && (b & AVX512VL) ? 1u << ISA_AVX512VL : 0);
}

static void ask_name(char name[NAME_SIZE])
{
    unsigned words[12];
    if ((unsigned)__get_cpuid_max(0x80000000u, NULL) < 0x80000004u) return;
    for (unsigned i = 0; i < 3; i++) __get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2], &words[4 * i + 3]);
    memcpy(name, words, sizeof words);
    name[sizeof words] = 0;
}

#elif defined(__aarch64__) && defined(__linux__)

/* The numbers are fixed by the kernel's ABI (asm/hwcap.h, linux/prctl.h). A thread's vectors may be shorter than the CPU's. */
static unsigned detect_simd(void)
{
    enum { ASIMD = 1 << 1, SVE = 1 << 22 }; /* of AT_HWCAP */
    enum { GET_VECTOR_LENGTH = 51, BYTES = 0xffff };
    const unsigned long features = getauxval(AT_HWCAP);
    if (!(features & ASIMD)) return 0;
    const int length = features & SVE ? prctl(GET_VECTOR_LENGTH, 0, 0, 0, 0) : -1;
    return 1u << ISA_NEON | (length >= 0 && (length & BYTES) == 32 ? 1u << ISA_SVE256 : 0);
}

/* Arm CPUs have a number, not a name: implementer and part of MIDR_EL1 (Arm's technical reference manuals). */
static const struct {
    unsigned implementer, part;
    const char *name;
} arm_cores[] = {
    { 0x41, 0xd03, "Arm Cortex-A53" },  { 0x41, 0xd08, "Arm Cortex-A72" },  { 0x41, 0xd0b, "Arm Cortex-A76" },
    { 0x41, 0xd0c, "Arm Neoverse-N1" }, { 0x41, 0xd40, "Arm Neoverse-V1" }, { 0x41, 0xd49, "Arm Neoverse-N2" },
    { 0x41, 0xd4f, "Arm Neoverse-V2" }, { 0xc0, 0xac3, "Ampere-1" },        { 0xc0, 0xac4, "Ampere-1a" },
};

static void ask_name(char name[NAME_SIZE])
{
    unsigned long midr = 0;
    FILE *file = fopen("/sys/devices/system/cpu/cpu0/regs/identification/midr_el1", "r");
    if (!file) return;
    if (fscanf(file, "%lx", &midr) != 1) midr = 0;
    fclose(file);
    for (size_t i = 0; i < sizeof arm_cores / sizeof arm_cores[0]; i++)
        if (arm_cores[i].implementer == (midr >> 24 & 0xff) && arm_cores[i].part == (midr >> 4 & 0xfff))
            snprintf(name, NAME_SIZE, "%s", arm_cores[i].name);
}

#elif defined(__riscv) && defined(__linux__)

/* Extensions are bits of AT_HWCAP by their letters; vlenb, read by its number since this file is built without them, is a vector's bytes.
 */
static unsigned detect_simd(void)
{
    unsigned long bytes;
    if (!(getauxval(AT_HWCAP) >> ('V' - 'A') & 1)) return 0;
    __asm__ volatile("csrr %0, 0xc22" : "=r"(bytes));
    return bytes == 32 ? 1u << ISA_RVV256 : 0;
}

static void ask_name(char name[NAME_SIZE]) { name[0] = 0; }

#else

static unsigned detect_simd(void) { return 0; }

static void ask_name(char name[NAME_SIZE]) { name[0] = 0; }

#endif

#if defined(__x86_64__)
static const char architecture[] = "x86_64";
#elif defined(__aarch64__)
static const char architecture[] = "aarch64";
#elif defined(__riscv)
static const char architecture[] = "riscv64";
#else
static const char architecture[] = "unknown CPU";
#endif

static char known_name[NAME_SIZE];
static pthread_once_t name_once = PTHREAD_ONCE_INIT;

/* Vendors pad names with blanks on either side and between words: keep single blanks between words. */
static void squeeze(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++)
        if (*from != ' ' || (to != text && to[-1] != ' ')) *to++ = *from;
    if (to != text && to[-1] == ' ') to--;
    *to = 0;
}

static void find_name(void)
{
    char name[NAME_SIZE] = "";
    ask_name(name);
    squeeze(name);
    snprintf(known_name, sizeof known_name, "%s", name[0] ? name : architecture);
    assert(known_name[0]);
}

const char *cpu_name(void)
{
    pthread_once(&name_once, find_name);
    return known_name;
}

#if defined(__x86_64__) && defined(__linux__)

/* Tiles are 8 KiB of a thread's state, which Linux (5.16 and later) saves for processes that ask. */
static bool detect_amx(void)
{
    enum { AMX_BF16 = 1u << 22, AMX_TILE = 1u << 24, OSXSAVE = 1u << 27 }; /* leaf 7, edx; leaf 1, ecx */
    enum { TILES = 0x60000, ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    unsigned a, b, c, d;
    if (!(detect_simd() >> ISA_AVX512 & 1) || !__get_cpuid(1, &a, &b, &c, &d) || !(c & OSXSAVE)) return false;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & AMX_TILE) || !(d & AMX_BF16) || (saved_state() & TILES) != TILES) return false;
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

#else

static bool detect_amx(void) { return false; }

#endif

static bool known_amx;
static pthread_once_t amx_once = PTHREAD_ONCE_INIT;

static void find_amx(void) { known_amx = detect_amx(); }

static bool has_amx(void)
{
    pthread_once(&amx_once, find_amx);
    return known_amx;
}

unsigned cpu_detect(void)
{
    unsigned isas = detect_simd() | (has_amx() ? 1u << ISA_AMX : 0) | 1u << ISA_SCALAR | 1u << ISA_PORTABLE;
    assert(isas < 1u << ISA_COUNT);
    return isas;
}

#define ISA_NAME(NAME, name, on) #name,
static const char *const isa_names[ISA_COUNT] = { ISAS(ISA_NAME) };
#undef ISA_NAME

const char *isa_name(enum isa isa)
{
    assert((unsigned)isa < ISA_COUNT);
    return isa_names[isa];
}

int isa_parse(const char *name)
{
    assert(name);
    for (int isa = 0; isa < ISA_COUNT; isa++)
        if (strcmp(name, isa_names[isa]) == 0) return isa;
    return -1;
}

const char *isa_list(unsigned isas, char *text, size_t size)
{
    assert(text);
    assert(size > 0);
    size_t used = 0;
    text[0] = 0;
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!(isas & 1u << isa) || used >= size) continue;
        int written = snprintf(text + used, size - used, "%s%s", used ? " " : "", isa_names[isa]);
        used += written > 0 ? (size_t)written : 0;
    }
    return text;
}
