# Runs a program on oclgrind, an OpenCL device that finds bad addresses and, with its options CHECKS, more:
#     cmake -DOCLGRIND=... -DCHECKS=... -DLOG=... [-DMUST_FIND=text] -P check.cmake -- PROGRAM ARGUMENT...
# Fails where the program fails or oclgrind has something to report; with MUST_FIND, where it does not report that.
set(command "")
set(seen FALSE)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
  if(seen)
    list(APPEND command ${CMAKE_ARGV${i}})
  elseif("${CMAKE_ARGV${i}}" STREQUAL "--")
    set(seen TRUE)
  endif()
endforeach()

file(REMOVE ${LOG})
# Not optimised, so that each source line is checked as written (and oclgrind 21.10 does not know every instruction that clang's
# optimiser makes); nor does it know prefetches.
execute_process(COMMAND ${OCLGRIND} ${CHECKS} --log ${LOG} --build-options "-cl-opt-disable -D__builtin_prefetch(p,w,l)=(void)0"
                ${command} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
set(report "")
if(EXISTS ${LOG})
  file(READ ${LOG} report LIMIT 4000)
endif()
string(STRIP "${report}" report)
message(STATUS "${output}")
if(MUST_FIND)
  if(NOT report MATCHES "${MUST_FIND}")
    message(FATAL_ERROR "oclgrind should have reported \"${MUST_FIND}\" but said: \"${report}\"")
  endif()
elseif(NOT output MATCHES "Oclgrind")
  message(FATAL_ERROR "the program did not run on oclgrind (exit ${result})")
elseif(result OR report)
  message(FATAL_ERROR "exit ${result}; oclgrind reports:\n${report}")
endif()
