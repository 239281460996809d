# SPDX-License-Identifier: Apache-2.0
# What the daemon publishes and answers, its loop and options; and the program itself.
find_package(PkgConfig REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(INIH REQUIRED IMPORTED_TARGET inih)

target_sources(cbd PRIVATE config.c config_file.c config_help.c config_phc.c control/answer.c control/passing.c control/server.c log.c loop.c
               loop_phc.c loop_probe.c loop_vm.c injection.c loop_tell.c notify.c privileges.c publish/mapping.c publish/page_past.c publish/page_words.c
               publish/page_writer.c publish/publish.c publish/shm_writer.c schedule.c)
target_compile_definitions(cbd PUBLIC CBD_VERSION="${PROJECT_VERSION}")
# clockbound_static: the names of statuses and reasons, as cbctl prints them
target_link_libraries(cbd PUBLIC PkgConfig::JANSSON PkgConfig::INIH PRIVATE clockbound_static)

add_executable(clockbound_daemon main.c)
set_target_properties(clockbound_daemon PROPERTIES OUTPUT_NAME clockbound)
target_link_libraries(clockbound_daemon PRIVATE cbd cb_warnings cb_sanitize)
install(TARGETS clockbound_daemon RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${CMAKE_SOURCE_DIR}/client/man/clockbound.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ${CMAKE_SOURCE_DIR}/client/man/clockbound.conf.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)

add_subdirectory(${CMAKE_SOURCE_DIR}/systemd ${CMAKE_BINARY_DIR}/systemd)
