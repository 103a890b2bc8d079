# SPDX-License-Identifier: MIT
# find_package(Wpkc) finds this beside the wpkc that installed it, and defines
#
#	wpk_add_operators(TARGET FILE.wpk ... [OPTIONS OPTION ...])
#
# which compiles each FILE.wpk to FILE.cu and FILE.h in the build folder, builds
# them into TARGET (an executable or library) and lets its sources include
# FILE.h. OPTIONS go to wpkc, as in OPTIONS --frozen --target=sm_90a. What a file
# imports, and its lock, are dependencies.
#
# WPK_EMULATE	ON: kernels run on the CPU, for machines without a GPU; OFF: nvcc
#		compiles them (the language CUDA is enabled, and
#		CMAKE_CUDA_ARCHITECTURES applies).
# Wpkc_EXECUTABLE	the program
option(WPK_EMULATE "Run emitted CUDA kernels on the CPU" OFF)

get_filename_component(_wpk_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
find_program(Wpkc_EXECUTABLE wpkc HINTS "${_wpk_prefix}/bin" NO_DEFAULT_PATH)
find_program(Wpkc_EXECUTABLE wpkc)
set(Wpkc_EMU_DIR "${_wpk_prefix}/share/wpk/emu")
find_library(Wpkc_EMU_LIBRARY libwpkemu.a HINTS "${_wpk_prefix}" NO_DEFAULT_PATH
	PATH_SUFFIXES lib/wpk lib64/wpk lib/${CMAKE_LIBRARY_ARCHITECTURE}/wpk)
if(NOT Wpkc_EXECUTABLE)
	set(Wpkc_FOUND FALSE)
	set(Wpkc_NOT_FOUND_MESSAGE "wpkc is not where it was installed")
	return()
endif()
enable_language(CXX)
if(NOT WPK_EMULATE)
	enable_language(CUDA)
	find_package(CUDAToolkit REQUIRED)
endif()

function(wpk_add_operators target)
	cmake_parse_arguments(arg "" "" "OPTIONS" ${ARGN})
	foreach(file IN LISTS arg_UNPARSED_ARGUMENTS)
		get_filename_component(path "${file}" ABSOLUTE)
		get_filename_component(stem "${file}" NAME_WE)
		set(out "${CMAKE_CURRENT_BINARY_DIR}/${stem}")
		add_custom_command(
			OUTPUT "${out}.cu" "${out}.h"
			COMMAND "${Wpkc_EXECUTABLE}" -MD -MF "${out}.d"
				-o "${out}.cu" -H "${out}.h" ${arg_OPTIONS} "${path}"
			DEPENDS "${path}" "${Wpkc_EXECUTABLE}"
			DEPFILE "${out}.d"
			COMMENT "wpkc ${file}"
			VERBATIM)
		target_sources(${target} PRIVATE "${out}.cu" "${out}.h")
		if(WPK_EMULATE)
			set_source_files_properties("${out}.cu" PROPERTIES
				LANGUAGE CXX
				COMPILE_OPTIONS "-xc++;-std=gnu++17;-fno-strict-aliasing;-fno-math-errno;-Wno-unknown-pragmas;-Wno-psabi;-DWPK_EMULATE;-include;${Wpkc_EMU_DIR}/wpk_emu.h")
		endif()
	endforeach()
	target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}")
	set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
	if(WPK_EMULATE)
		target_include_directories(${target} BEFORE PRIVATE
			"${Wpkc_EMU_DIR}/host")
		target_link_libraries(${target} PRIVATE "${Wpkc_EMU_LIBRARY}" m)
	else()
		target_link_libraries(${target} PRIVATE CUDA::cudart)
	endif()
endfunction()
