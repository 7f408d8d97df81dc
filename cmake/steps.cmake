# SPDX-License-Identifier: MIT
# The words that tests/steps.cmake is written in. A step is a CTest test: one command, run by tools/dev/step from the top of the tree, that
# exits 77 when it has to be skipped. Its labels are the modes that run it (quick, default, full), its part and what else it says.
include(ProcessorCount)
ProcessorCount(CORES)

# part(NAME MODE WORDS): the steps after it belong to it. MODE: the first that has it: quick, default (has those of quick and more) or full.
# (tools/test --help shows these lines.) A part of full alone is also labelled `asked`: tools/test --only runs it without --full.
macro(part name mode words)
  set(PART ${name})
  set(PART_MODES full)
  if(${mode} STREQUAL "full")
    list(APPEND PART_MODES asked)
  else()
    list(APPEND PART_MODES default)
  endif()
  if(${mode} STREQUAL "quick")
    list(APPEND PART_MODES quick)
  endif()
endmacro()

# step(NAME COMMAND shell words [IN mode...] [NEEDS build...] [SECONDS limit] [LABELS more...] [AFTER step...] [ASIDE])
#   IN        the modes that have it, where they are not its part's
#   NEEDS     presets whose build it runs; CTest builds them first
#   SECONDS   the most it may take; ten times what it takes on two cores is right
#   AFTER     steps that end before it starts, whether they pass or not
#   ASIDE     nothing waits for it: it runs whenever a core would be idle
# Steps start in the order of the list, as far as what they need is there.
function(step name)
  cmake_parse_arguments(STEP "ASIDE" "SECONDS" "COMMAND;IN;NEEDS;LABELS;AFTER;SETUP" ${ARGN})
  list(JOIN STEP_COMMAND " " command)
  add_test(NAME ${name} COMMAND ${PROJECT_SOURCE_DIR}/tools/dev/step ${name} ${command} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  if(NOT STEP_IN)
    set(STEP_IN ${PART_MODES})
  endif()
  if(NOT STEP_SECONDS)
    set(STEP_SECONDS 1200)
  endif()
  get_property(steps GLOBAL PROPERTY STEPS)
  list(LENGTH steps before)
  math(EXPR cost "10000 - ${before}")
  set_tests_properties(${name} PROPERTIES
    LABELS "${PART};${STEP_IN};${STEP_LABELS}" TIMEOUT ${STEP_SECONDS} SKIP_RETURN_CODE 77 COST ${cost}
    FIXTURES_REQUIRED "${STEP_NEEDS}" FIXTURES_SETUP "${STEP_SETUP}" DEPENDS "${STEP_AFTER}")
  set_property(GLOBAL APPEND PROPERTY STEPS ${name})
  if(NOT STEP_ASIDE)
    set_property(GLOBAL APPEND PROPERTY STEPS_WAITED_FOR ${name})
    set_property(GLOBAL APPEND PROPERTY STEPS_OF_${PART} ${name})
  endif()
endfunction()

# build_step(PRESET [IN mode...] [TARGETS target...] [THEN words]): configures and builds a preset, or these of it, warnings being errors.
# Builds are in the list's order, one at a time, since each uses every core: what comes before one in the list ends first. A preset's second
# is called PRESET-more.
function(build_step preset)
  cmake_parse_arguments(BUILD "" "" "IN;TARGETS;THEN" ${ARGN})
  get_property(before GLOBAL PROPERTY STEPS_WAITED_FOR)
  set(words cmake --preset ${preset} -DCMAKE_COMPILE_WARNING_AS_ERROR=ON && cmake --build --preset ${preset} -j ${CORES})
  if(preset STREQUAL "release")         # the build that this list belongs to
    set(words cmake --build ${PROJECT_BINARY_DIR} -j ${CORES})
  endif()
  if(BUILD_TARGETS)
    list(APPEND words --target ${BUILD_TARGETS})
  endif()
  if(BUILD_THEN)
    list(APPEND words && ${BUILD_THEN})
  endif()
  set(more)
  if(TEST ${preset}/build)
    set(more -more)
  endif()
  step(${preset}/build${more} COMMAND ${words} IN ${BUILD_IN} SECONDS 3600 SETUP ${preset}${more} AFTER ${before})
endfunction()

# folder_of(PRESET VARIABLE): its build, from the top of the tree.
function(folder_of preset variable)
  set(${variable} build/${preset} PARENT_SCOPE)
  if(preset STREQUAL "release")
    file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
    set(${variable} ${folder} PARENT_SCOPE)
  endif()
endfunction()

# skip(NAME REASON): what cannot run here.
function(skip name reason)
  step(${name} COMMAND echo "'${reason}'" && exit 77)
endfunction()
