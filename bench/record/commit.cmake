# SPDX-License-Identifier: MIT
# Run at every build: writes the commit and whether the tree differs from it (results aside: they are data) into HEADER, if that is news.
cmake_minimum_required(VERSION 3.25)
set(commit "")
set(dirty 0)
find_program(GIT git)
if(GIT)
  execute_process(COMMAND ${GIT} -C ${SOURCE} describe --always --abbrev=12 --match "v*"
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(commit)
    execute_process(COMMAND ${GIT} -C ${SOURCE} diff --quiet HEAD -- . ":!results" RESULT_VARIABLE differs ERROR_QUIET)
    if(differs)
      set(dirty 1)
    endif()
  endif()
endif()
file(CONFIGURE OUTPUT ${HEADER} CONTENT "#define CONVGAUGE_COMMIT \"@commit@\"\n#define CONVGAUGE_DIRTY @dirty@\n" @ONLY)
