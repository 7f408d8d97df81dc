# SPDX-License-Identifier: MIT
# What tools/test runs, most telling first: every step of every build, as CTest tests of the build of preset `default`, which configures
# and builds the others. `ctest --preset default -L quick` runs a mode, `ctest --preset full -L asan` a part, with what they need built.
include(${PROJECT_SOURCE_DIR}/cmake/steps.cmake)
file(GLOB SUITES CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/tests/suites ${PROJECT_SOURCE_DIR}/tests/suites/test_*.c)
file(GLOB RACES CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/tests/suites ${PROJECT_SOURCE_DIR}/tests/suites/race_*.c)
file(GLOB TOOL_TESTS CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests/tools/test_*.py)
file(GLOB REPORT_TESTS CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests/report/test_*.py)
list(TRANSFORM SUITES REPLACE "\\.c$" "")
list(TRANSFORM RACES REPLACE "\\.c$" "")
set(SYSROOT ${PROJECT_SOURCE_DIR}/build/sysroot-aarch64)
find_program(CLANG clang)
find_program(CROSS_GCC aarch64-linux-gnu-gcc)
find_program(EMULATOR qemu-aarch64-static)
find_program(EMULATOR_X86 qemu-x86_64-static)

# Suites that a build leaves out (its `not`), or keeps for --full. AVX-512 by halves on AVX2 (test_golden_halves) is there for its bits,
# which are the release and clang builds' matter.
set(not_asan test_golden_halves)
set(not_ubsan test_golden_halves)
set(not_debug test_golden_halves)
set(not_coverage test_golden_halves)
set(full_asan
  test_golden                       # the studied nets for their bits take 90 s there; test_fusion walks the same code
  test_gradient                     # the reference in double takes 80 s there; test_scalar and test_nets walk the same code
  test_kernels)                     # kernelcheck beside it runs the same on other problems
set(full_clang test_kernels)
set(not_aarch64
  test_bench                        # the aarch64 libraries have no Google Benchmark
  test_golden_halves
  test_gradient                     # the reference in double has no NEON in it, and emulated it takes minutes; it ran in release
  test_kernels)                     # kernelcheck, emulated beside it, runs the same with more problems
set(full_aarch64 test_fusion)       # seven minutes emulated; test_golden's nets run fused there, too
set(slow_release test_golden_halves)    # 9 s: not in the inner loop

# suites(PRESET [BEFORE...]): every Criterion suite that has a place in a build; BEFORE stands in front of each command.
function(suites preset)
  folder_of(${preset} build)
  foreach(name ${SUITES})
    set(modes ${PART_MODES})
    set(needs ${preset})
    if(name IN_LIST full_${preset})
      set(modes full)
      if(TEST ${preset}/build-more)
        set(needs ${preset}-more)
      endif()
    elseif(name IN_LIST slow_${preset})
      list(REMOVE_ITEM modes quick)
    endif()
    if(NOT name IN_LIST not_${preset})
      step(${preset}/${name} COMMAND ${ARGN} ${build}/bin/${name} IN ${modes} NEEDS ${needs})
    endif()
  endforeach()
endfunction()

# build_checked(PRESET): of a slow build what runs of it: kernelcheck and the suites that have a place there.
function(build_checked preset)
  set(targets kernelcheck ${SUITES})
  list(REMOVE_ITEM targets ${not_${preset}} ${full_${preset}})
  build_step(${preset} TARGETS ${targets})
  if(full_${preset})
    build_step(${preset} IN full TARGETS ${full_${preset}})
  endif()
endfunction()

# kernelcheck(PRESET FLAGS [IN mode...] [BEFORE word...])
function(kernelcheck preset flags)
  folder_of(${preset} build)
  cmake_parse_arguments(CHECK "" "" "IN;BEFORE" ${ARGN})
  set(name ${preset}/kernelcheck)
  if(CHECK_IN)
    list(GET CHECK_IN 0 mode)
    string(APPEND name -${mode})
  endif()
  step(${name} COMMAND ${CHECK_BEFORE} ${build}/bin/kernelcheck ${flags} IN ${CHECK_IN} NEEDS ${preset} SECONDS 3600)
endfunction()

# symbols(PRESET): what the objects of a build contain and ask for.
function(symbols preset)
  folder_of(${preset} build)
  step(${preset}/symbols COMMAND tools/dev/check-objects ${build} NEEDS ${preset})
endfunction()

folder_of(release RELEASE)

part(release quick "gcc: Criterion suites, kernelcheck, symbols of the objects")
build_step(release)
symbols(release)
kernelcheck(release "--drawn --cases 5" IN quick)
kernelcheck(release "--cases 30" IN default)
kernelcheck(release "--cases 600" IN full)
suites(release)

part(cli quick "the command lines, promise by promise (tests/cli)")
step(cli COMMAND tests/cli/run --bin ${RELEASE}/bin NEEDS release)

part(faults default "the programs under kills, injected errors, full disks, failing allocations: a sample; all and a soak with --full")
step(faults COMMAND tools/dev/faults --bin ${RELEASE}/bin --sample IN default NEEDS release)
step(faults-all COMMAND tools/dev/faults --bin ${RELEASE}/bin IN full NEEDS release SECONDS 14400 ASIDE)
step(soak COMMAND tools/dev/soak --bin ${RELEASE}/bin --minutes 10 IN full NEEDS release SECONDS 1800 ASIDE)

part(slurm full "tools/slurm under a real Slurm on this machine: array, cancel, requeue, merge")
step(slurm COMMAND tests/slurm/run ${RELEASE}/bin NEEDS release SECONDS 1800)

part(valgrind full "the command lines under valgrind, but for those of tests/cli/valgrind.not")
step(valgrind COMMAND tests/cli/run --bin ${RELEASE}/bin --valgrind NEEDS release SECONDS 7200 ASIDE)

part(tools quick "tools/dev/tidy, the house rules, and the tests of the tools")
step(tidy COMMAND tools/dev/tidy)
foreach(source ${TOOL_TESTS})
  get_filename_component(name ${source} NAME_WE)
  step(tools/${name} COMMAND python3 ${source})
endforeach()

part(report default "results/: rows checked, tables and page as the rows make them, the page in a browser")
set(modules matplotlib scipy jinja2 jsonschema)
set(missing "import importlib.util, sys; sys.exit(any(not importlib.util.find_spec(m) for m in sys.argv[1:]))")
execute_process(COMMAND /usr/bin/python3 -c "${missing}" ${modules} RESULT_VARIABLE missing OUTPUT_QUIET ERROR_QUIET)
if(missing)
  skip(report "matplotlib, SciPy, Jinja2 or jsonschema is missing: tools/install-packages report")
else()
  step(report/check COMMAND tools/report --check NEEDS release)
  foreach(source ${REPORT_TESTS})
    get_filename_component(name ${source} NAME_WE)
    step(report/${name} COMMAND /usr/bin/python3 ${source} NEEDS release)
  endforeach()
endif()

part(library default "libconvgauge installed and moved: projects of others find it, link it and train; what it exports")
step(consumer COMMAND tests/consumer/run ${RELEASE} NEEDS release)

part(checklists default "the README's checklists, followed in a scratch copy: toys added, built, checked and run")
step(checklists COMMAND python3 tests/checklists/test_checklists.py)

part(format quick "one style: C by clang-format, Python by ruff, shell by shellcheck")
step(format COMMAND tools/dev/check-format)

part(edges default "the programs on emulated older CPUs: no instruction leaks out of its ISA")
if(NOT CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  skip(edges "older CPUs are emulated for x86-64 alone")
elseif(NOT EMULATOR_X86)
  skip(edges "no emulator: tools/install-packages aarch64")
else()
  step(edges COMMAND tests/emulated/edges ${RELEASE}/bin NEEDS release LABELS emulated ASIDE)
endif()

part(asan default "address and undefined sanitizers: suites, kernelcheck")
build_checked(asan)
set(asan UBSAN_OPTIONS=print_stacktrace=1 LSAN_OPTIONS=suppressions=tests/leaks.allow:print_suppressions=0)
kernelcheck(asan "--drawn --cases 10 --no-mutants" BEFORE ${asan})
suites(asan ${asan})

part(fuzz default "the fuzz targets, a few seconds each; ten minutes each with --full (clang)")
step(fuzz COMMAND tools/dev/fuzz --jobs 1 --seconds 3 IN default ASIDE)
step(fuzz-long COMMAND tools/dev/fuzz --jobs 1 --seconds 600 IN full SECONDS 14400 ASIDE)

part(mutants default "some of the planted bugs of tests/mutations.txt; all with --full")
step(mutations COMMAND tools/dev/mutate --check)
step(mutants COMMAND tools/dev/mutate --sample 2 IN default SECONDS 3600 ASIDE)
step(mutants-all COMMAND tools/dev/mutate IN full SECONDS 28800 ASIDE)

part(tsan default "thread sanitizer: the plain race_* programs")
build_step(tsan TARGETS ${RACES})
# Without this, kernels that randomise addresses widely stop gcc 12's thread sanitizer at its first line.
execute_process(COMMAND setarch ${CMAKE_HOST_SYSTEM_PROCESSOR} -R true RESULT_VARIABLE refused OUTPUT_QUIET ERROR_QUIET)
set(still setarch ${CMAKE_HOST_SYSTEM_PROCESSOR} -R)
if(refused)
  set(still)
endif()
foreach(name ${RACES})
  step(tsan/${name} COMMAND TSAN_OPTIONS=halt_on_error=1 ${still} build/tsan/bin/${name} NEEDS tsan)
endforeach()

part(clang default "clang builds without a warning: suites, kernelcheck, symbols")
set(builds release)
if(CLANG)
  list(APPEND builds clang)
  build_step(clang)
  symbols(clang)
  kernelcheck(clang "--drawn --cases 20 --no-mutants")
  suites(clang)
  # What --isa auto never takes takes most of a minute to compile.
  build_step(clang-by-name IN full TARGETS kernelcheck)
  kernelcheck(clang-by-name "--drawn --cases 20 --no-mutants" IN full)
  step(clang-by-name/code COMMAND tools/dev/check-code build/clang-by-name IN full NEEDS clang-by-name)
else()
  skip(clang "no clang here: apt-get install clang")
endif()

part(aarch64 default "cross-built, emulated: suites, kernelcheck, symbols")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  skip(aarch64 "this machine is one: NEON ran in the other parts")
elseif(NOT CROSS_GCC OR NOT EMULATOR)
  skip(aarch64 "no cross compiler or no emulator: tools/install-packages aarch64")
elseif(NOT EXISTS ${SYSROOT}/complete)
  skip(aarch64 "no aarch64 libraries: tools/dev/sysroot")
else()
  list(APPEND builds aarch64)
  build_step(aarch64)
  symbols(aarch64)
  kernelcheck(aarch64 "--drawn --cases 12 --no-mutants" IN default BEFORE ${EMULATOR} -L ${SYSROOT})
  kernelcheck(aarch64 "--drawn --cases 90 --no-mutants" IN full BEFORE ${EMULATOR} -L ${SYSROOT})
  # Criterion starts its own program again, which plain emulation cannot: the kernel must know the emulator.
  if(EXISTS /proc/sys/fs/binfmt_misc/qemu-aarch64)
    suites(aarch64 QEMU_LD_PREFIX=${SYSROOT})
  else()
    skip(aarch64/suites "binfmt_misc does not know the emulator (tools/dev/sysroot as root): kernelcheck alone runs")
  endif()
  # SVE is taken by name, and its emulation is slow. The emulator's CPU has vectors of any length: here they are as long as the table's.
  set(sve max,sve-default-vector-length=32)
  build_step(aarch64-by-name IN full TARGETS kernelcheck)
  kernelcheck(aarch64-by-name "--isa sve256 --drawn --cases 12 --no-mutants" IN full BEFORE ${EMULATOR} -cpu ${sve} -L ${SYSROOT})
  step(aarch64-by-name/code COMMAND tools/dev/check-code build/aarch64-by-name IN full NEEDS aarch64-by-name)
endif()

part(riscv64 full "cross-built by clang 19, emulated: kernelcheck, symbols")
set(SYSROOT_RISCV64 ${PROJECT_SOURCE_DIR}/build/sysroot-riscv64)
find_program(CLANG_RISCV64 clang-19)
find_program(EMULATOR_RISCV64 qemu-riscv64-static)
if(NOT CLANG_RISCV64 OR NOT EMULATOR_RISCV64)
  skip(riscv64 "no clang 19 or no emulator: tools/install-packages riscv64")
elseif(NOT EXISTS ${SYSROOT_RISCV64}/complete)
  skip(riscv64 "no riscv64 libraries: tools/dev/sysroot riscv64")
else()
  build_step(riscv64 TARGETS kernelcheck)
  symbols(riscv64)
  kernelcheck(riscv64 "--drawn --cases 12 --no-mutants" BEFORE ${EMULATOR_RISCV64} -cpu rv64,v=true,vlen=256 -L ${SYSROOT_RISCV64})
endif()

part(code default "the generated code of the hot loops: no spills, loads as designed; cycles on NEON by llvm-mca")
list(TRANSFORM builds PREPEND build/ OUTPUT_VARIABLE folders)
list(TRANSFORM folders REPLACE "^build/release$" "${RELEASE}")
step(code COMMAND tools/dev/check-code ${folders} NEEDS ${builds})

part(avx512 full "the AVX-512 code on an emulated CPU that has it (Bochs): kernelcheck, weights of small nets")
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  step(avx512 COMMAND tests/emulated/avx512 ${RELEASE}/bin 12 NEEDS release SECONDS 7200 LABELS emulated ASIDE)
else()
  skip(avx512 "the emulated CPU runs x86-64 programs alone")
endif()

part(lint full "static analysis: clang-tidy, cppcheck")
if(CLANG)
  step(lint COMMAND tools/dev/check-lint NEEDS clang SECONDS 7200)
else()
  skip(lint "no clang here: tools/install-packages lint")
endif()

part(coverage full "line coverage of kernels/ and nets/: at least 95 %")
build_step(coverage THEN tools/dev/coverage --clear)
kernelcheck(coverage "--drawn --cases 20")
suites(coverage)
# Its notes do not fit on a disk that a case says is full: what it says of that is not the program's.
step(coverage/cli COMMAND GCOV_ERROR_FILE=/dev/null tests/cli/run --bin build/coverage/bin NEEDS coverage)
get_property(ran GLOBAL PROPERTY STEPS_OF_coverage)
step(coverage COMMAND tools/dev/coverage AFTER ${ran})

part(ubsan full "undefined sanitizer alone")
build_checked(ubsan)
kernelcheck(ubsan "--drawn --cases 10 --no-mutants" BEFORE UBSAN_OPTIONS=print_stacktrace=1)
suites(ubsan UBSAN_OPTIONS=print_stacktrace=1)

part(debug full "gcc -O1, arenas filled with NaN")
build_step(debug)
symbols(debug)
kernelcheck(debug "--cases 20")
suites(debug)

part(torch full "the nets against PyTorch, fetched from PyPI into an environment of its own")
step(torch COMMAND tools/dev/check-torch NEEDS release SECONDS 7200)
