# SPDX-License-Identifier: Apache-2.0
# cb_warnings: what all of our C is compiled with. cb_strict adds the conversion warnings, for the layers that
# compute time (uapi, client, daemon/core). cb_sanitize carries the chosen sanitizers.
add_library(cb_warnings INTERFACE)
target_compile_options(cb_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
  -Wpointer-arith -Wcast-align -Wwrite-strings -Wvla -Wundef -Wformat=2 -Wimplicit-fallthrough)
if(CLOCKBOUND_WERROR)
  target_compile_options(cb_warnings INTERFACE -Werror)
endif()

add_library(cb_strict INTERFACE)
target_link_libraries(cb_strict INTERFACE cb_warnings)
target_compile_options(cb_strict INTERFACE -Wconversion -Wsign-conversion)

add_library(cb_sanitize INTERFACE)
if(CLOCKBOUND_SANITIZE)
  target_compile_options(cb_sanitize INTERFACE -fsanitize=${CLOCKBOUND_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(cb_sanitize INTERFACE -fsanitize=${CLOCKBOUND_SANITIZE})
endif()
