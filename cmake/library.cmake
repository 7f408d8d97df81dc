# SPDX-License-Identifier: MIT
# libconvgauge, static and shared: runtime, kernels and nets as one object in which every name is local but those that a public header
# declares. Targets convgauge::convgauge (shared) and convgauge::static, here and after an install; headers are <convgauge/nets/...>.
file(STRINGS cmake/public-headers.txt patterns REGEX "^[a-z]")
file(STRINGS cmake/public-headers.txt private REGEX "^- ")
list(TRANSFORM private REPLACE "^- " "")
file(GLOB PUBLIC_HEADERS CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${patterns})
list(REMOVE_ITEM PUBLIC_HEADERS ${private})
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS cmake/public-headers.txt)

find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(whole ${PROJECT_BINARY_DIR}/convgauge.o)
set(objects $<TARGET_OBJECTS:runtime> $<TARGET_OBJECTS:kernels> $<TARGET_OBJECTS:nets>)
add_custom_command(OUTPUT ${whole}
  COMMAND ${JOIN_OBJECTS} -o ${whole}.all ${objects}
  COMMAND ${Python3_EXECUTABLE} cmake/exports.py ${whole}.names cmake/prefixes.txt ${CMAKE_NM} ${whole}.all
    ${PUBLIC_HEADERS}
  COMMAND ${CMAKE_OBJCOPY} --keep-global-symbols=${whole}.names ${whole}.all ${whole}
  DEPENDS ${objects} cmake/exports.py cmake/prefixes.txt ${PUBLIC_HEADERS}
  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} COMMAND_EXPAND_LISTS VERBATIM COMMENT "Joining libconvgauge")
set_source_files_properties(${whole} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
add_custom_target(convgauge_object DEPENDS ${whole})

file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include/convgauge)
foreach(folder kernels nets)            # what an install has there, for whoever adds our folder to a project
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${folder} ${PROJECT_BINARY_DIR}/include/convgauge/${folder} SYMBOLIC)
endforeach()

add_library(convgauge_static STATIC ${whole})
add_library(convgauge SHARED ${whole})
foreach(name convgauge convgauge_static)
  add_dependencies(${name} convgauge_object)
  target_include_directories(${name} INTERFACE $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include> $<INSTALL_INTERFACE:include>)
  target_link_libraries(${name} PRIVATE
    Threads::Threads ZLIB::ZLIB LibLZMA::LibLZMA PkgConfig::HWLOC PkgConfig::NETTLE PkgConfig::JANSSON m)
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE C OUTPUT_NAME convgauge EXPORT_NAME convgauge)
endforeach()
set_target_properties(convgauge_static PROPERTIES EXPORT_NAME static)
set_target_properties(convgauge PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
add_library(convgauge::convgauge ALIAS convgauge)
add_library(convgauge::static ALIAS convgauge_static)
