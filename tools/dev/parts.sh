# SPDX-License-Identifier: MIT
# shellcheck disable=SC2086,SC2015,SC2012 # lists of words are split; names of ours have no spaces
# The parts of tools/test: a row of the table and a function part_<name> each, made of step, build and skip. Sourced by it, never run.
# quick: the inner loop; default: what else CI runs; full: the rest.
part_table='  release     quick    gcc: Criterion suites, kernelcheck, symbols of the objects
  cli         quick    the command lines, promise by promise (tests/cli)
  tools       quick    tools/dev/tidy, the house rules, and the tests of the tools
  report      default  results/: rows judged, tables and page as the rows make them, the page in a browser
  format      quick    the spaces of the C sources, by clang-format
  edges       default  the programs on emulated older CPUs: no instruction leaks out of its ISA
  asan        default  address and undefined sanitizers: suites, kernelcheck
  fuzz        default  the fuzz targets, a few seconds each; ten minutes each with --full (clang)
  mutants     default  some of the planted bugs of tests/mutations.txt; all with --full
  tsan        default  thread sanitizer: the plain race_* programs
  clang       default  clang builds without a warning: suites, kernelcheck, symbols
  code        default  the generated code of the hot loops: no spills, loads as designed; cycles on NEON by llvm-mca
  aarch64     default  cross-built, emulated: suites, kernelcheck, symbols
  avx512      full     the AVX-512 code on an emulated CPU that has it (Bochs): kernelcheck, weights of small nets
  lint        full     static analysis: clang-tidy, cppcheck
  coverage    full     line coverage of kernels/ and nets/: at least 95 %
  ubsan       full     undefined sanitizer alone
  debug       full     gcc -O1, arenas filled with NaN
  torch       full     the nets against PyTorch, fetched from PyPI into an environment of its own'

step_limit=1800             # seconds

# Why a suite has no place in a preset; nothing when it has one.
left_out()
{
    case $1,$2,$mode in
        aarch64,test_kernels,*) echo "kernelcheck, emulated beside it, runs the same with more problems" ;;
        aarch64,test_golden_halves,* | debug,test_golden_halves,* | coverage,test_golden_halves,* | *san,test_golden_halves,*)
            echo "AVX-512 by halves on AVX2: its bits are the release and clang builds' matter" ;;
        aarch64,test_bench,*) echo "the aarch64 libraries have no Google Benchmark: no benches there" ;;
        release,test_golden_halves,quick) echo "not in the inner loop: 9 s" ;;
        aarch64,test_fusion,full | asan,test_gradient,full | asan,test_golden,full) ;;
        asan,test_kernels,full | clang,test_kernels,full) ;;
        asan,test_kernels,* | clang,test_kernels,*) echo "kernelcheck beside it runs the same on other problems; --full runs it, too" ;;
        asan,test_golden,*) echo "the studied nets for their bits, 90 s here: --full runs it; test_fusion walks the same code" ;;
        asan,test_gradient,*) echo "the textbook in double, 80 s here: --full runs it; test_scalar and test_nets walk the same code" ;;
        aarch64,test_fusion,*) echo "seven minutes emulated: --full runs it; test_golden's nets run fused there, too" ;;
        aarch64,test_gradient,*) echo "the textbook in double has no NEON in it, and emulated it takes minutes; it ran in release" ;;
    esac
}

# build_checked PRESET: of a slow build what runs of it: kernelcheck and the suites that have a place there.
build_checked()
{
    local source name targets=kernelcheck
    for source in tests/suites/test_*.c; do
        name=$(basename "$source" .c)
        [ -n "$(left_out "$1" "$name")" ] || targets="$targets $name"
    done
    build "$1" $targets
}

# suites PRESET [BEFORE...]: every Criterion suite of the preset, BEFORE put in front of each program.
suites()
{
    local preset=$1 source name why
    shift
    for source in tests/suites/test_*.c; do
        name=$(basename "$source" .c)
        why=$(left_out "$preset" "$name")
        if [ -n "$why" ]; then skip "$preset/$name" "$why"
        else step "$preset/$name" "$@" "build/$preset/bin/$name"
        fi
    done
}

# kernelcheck FLAGS PRESET [BEFORE...]
kernelcheck() { step "$2/kernelcheck" "${@:3}" "build/$2/bin/kernelcheck" $1; }

# both FLAGS PRESET [BEFORE...]
both() { kernelcheck "$@"; suites "${@:2}"; }

# What the objects of a build contain and ask for.
symbols() { step "$1/symbols" tools/dev/check-objects "build/$1"; }

part_release()
{
    build release || return
    symbols release
    case $mode in
        quick) both '--drawn --cases 5' release ;;
        full) both '--cases 600' release ;;
        *) both '--cases 30' release ;;
    esac
}

part_cli() { build release && step cli tests/cli/run --bin build/release/bin; }

part_tools()
{
    local source
    step tidy tools/dev/tidy
    for source in tests/tools/test_*.py; do step "tools/$(basename "$source" .py)" python3 "$source"; done
}

part_report()
{
    local source
    if ! /usr/bin/python3 -c 'import matplotlib, scipy, jinja2, jsonschema' 2>/dev/null; then
        skip report "matplotlib, SciPy, Jinja2 or jsonschema is missing: tools/install-packages report"
        return
    fi
    build release || return
    step report/check tools/report --check
    for source in tests/report/test_*.py; do step "report/$(basename "$source" .py)" /usr/bin/python3 "$source"; done
}

part_format() { step format tools/dev/check-format; }

part_edges()
{
    [ "$(uname -m)" = x86_64 ] || { skip edges "older CPUs are emulated for x86-64 alone"; return; }
    command -v qemu-x86_64-static >/dev/null || { skip edges "no emulator: tools/install-packages aarch64"; return; }
    build release && step edges tests/emulated/edges build/release/bin
}

part_avx512()
{
    [ "$(uname -m)" = x86_64 ] || { skip avx512 "the emulated CPU runs x86-64 programs alone"; return; }
    build release && step_limit=3600 step avx512 tests/emulated/avx512 build/release/bin 12
}

part_asan()
{
    build_checked asan && both '--drawn --cases 10 --no-mutants' asan env UBSAN_OPTIONS=print_stacktrace=1 \
        LSAN_OPTIONS="suppressions=$top/tests/leaks.allow:print_suppressions=0"
}

part_fuzz()
{
    local seconds=3
    [ "$mode" != full ] || seconds=600
    step_limit=5400 step fuzz tools/dev/fuzz --jobs 1 --seconds "$seconds"
}

part_mutants()
{
    step mutations tools/dev/mutate --check
    if [ "$mode" = full ]; then step_limit=14400 step mutants tools/dev/mutate
    else step mutants tools/dev/mutate --sample 2
    fi
}

part_torch() { build release && step torch tools/dev/check-torch; }

part_ubsan() { build_checked ubsan && both '--drawn --cases 10 --no-mutants' ubsan env UBSAN_OPTIONS=print_stacktrace=1; }
part_debug() { build debug && symbols debug && both '--cases 20' debug; }

part_tsan()
{
    local name races still=''
    races=$(basename -s .c tests/suites/race_*.c)
    build tsan $races || return
    # Without this, kernels that randomise addresses widely stop gcc 12's thread sanitizer at its first line.
    setarch "$(uname -m)" -R true 2>/dev/null && still="setarch $(uname -m) -R"
    for name in $races; do
        step "tsan/$name" env TSAN_OPTIONS=halt_on_error=1 $still "build/tsan/bin/$name"
    done
}

part_clang()
{
    if ! command -v clang >/dev/null; then skip clang "no clang here: apt-get install clang"; return; fi
    build clang && symbols clang && both '--drawn --cases 20 --no-mutants' clang
}

# Judges whatever of the three builds can be made here; the tables go to the log.
part_code()
{
    local preset builds=''
    for preset in release clang aarch64; do
        case $preset in
            clang) command -v clang >/dev/null || continue ;;
            aarch64) [ "$(uname -m)" = x86_64 ] && command -v aarch64-linux-gnu-gcc >/dev/null && tools/dev/sysroot || continue ;;
        esac
        build $preset && builds="$builds build/$preset"
    done
    step code tools/dev/check-code $builds
}

part_lint()
{
    command -v clang >/dev/null || { skip lint "no clang here: tools/install-packages lint"; return; }
    build clang && step lint tools/dev/check-lint
}

part_coverage()
{
    build coverage || return
    tools/dev/coverage --clear
    both '--drawn --cases 20' coverage
    # its notes do not fit on a disk that a case says is full: what it says of that is not the program's
    step coverage/cli env GCOV_ERROR_FILE=/dev/null tests/cli/run --bin build/coverage/bin
    finish
    step coverage tools/dev/coverage
}

# Criterion starts its own program again, which plain emulation cannot: the kernel must know the emulator (binfmt_misc).
binfmt()
{
    local folder=/proc/sys/fs/binfmt_misc
    [ ! -e $folder/qemu-aarch64 ] || return 0
    [ "$(id -u)" = 0 ] && [ -r /usr/lib/binfmt.d/qemu-aarch64.conf ] || return 1
    [ -e $folder/register ] || mount -t binfmt_misc binfmt_misc $folder 2>/dev/null || return 1
    say "registering qemu-aarch64 with binfmt_misc"
    cat /usr/lib/binfmt.d/qemu-aarch64.conf 2>/dev/null >$folder/register
    [ -e $folder/qemu-aarch64 ]
}

part_aarch64()
{
    local sysroot=$top/build/sysroot-aarch64
    case $(uname -m) in aarch64 | arm64) skip aarch64 "this machine is one: NEON ran in the other parts"; return ;; esac
    command -v aarch64-linux-gnu-gcc >/dev/null && command -v qemu-aarch64-static >/dev/null ||
        { skip aarch64 "no cross compiler or no emulator: tools/install-packages aarch64"; return; }
    tools/dev/sysroot || { skip aarch64 "no aarch64 libraries (tools/dev/sysroot)"; return; }
    build aarch64 || return
    symbols aarch64
    kernelcheck "--drawn --cases $([ "$mode" = full ] && echo 90 || echo 12) --no-mutants" aarch64 qemu-aarch64-static -L "$sysroot"
    if binfmt; then suites aarch64 env QEMU_LD_PREFIX="$sysroot"
    else skip aarch64/suites "binfmt_misc is out of reach (be root): kernelcheck alone runs emulated" "$(ls tests/suites/test_*.c | wc -l)"
    fi
}
