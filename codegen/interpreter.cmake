# codegen_find_python(VARIABLE): an interpreter that has tomllib (or tomli) and jinja2; as a last resort a virtual environment in
# the build folder. Set HPCK_CODEGEN_PYTHON to choose one.
function(codegen_find_python variable)
  set(needs "try:\n import tomllib\nexcept ImportError:\n import tomli\nimport jinja2")
  file(GLOB others /usr/bin/python3.* /usr/local/bin/python3.* /opt/homebrew/bin/python3*)
  list(FILTER others INCLUDE REGEX "python3(\\.[0-9]+)?$")
  find_program(on_path python3 NO_CACHE)
  set(venv ${PROJECT_BINARY_DIR}/codegen-venv)
  set(candidates ${${variable}} ${on_path} /usr/bin/python3 ${others} ${venv}/bin/python)
  foreach(candidate ${candidates})
    execute_process(COMMAND ${candidate} -c ${needs} RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
    if(NOT failed)
      set(${variable} ${candidate} CACHE FILEPATH "Python with tomllib or tomli, and jinja2" FORCE)
      return()
    endif()
  endforeach()

  message(STATUS "codegen: no python3 here has jinja2; trying a virtual environment in the build folder")
  set(log "there is no python3")
  foreach(candidate ${on_path} /usr/bin/python3)
    execute_process(COMMAND ${candidate} -m venv ${venv} RESULT_VARIABLE failed OUTPUT_VARIABLE log ERROR_VARIABLE log)
    if(NOT failed)
      execute_process(COMMAND ${venv}/bin/python -m pip install --quiet jinja2 tomli
                      RESULT_VARIABLE failed OUTPUT_VARIABLE log ERROR_VARIABLE log)
    endif()
    if(NOT failed)
      set(${variable} ${venv}/bin/python CACHE FILEPATH "Python with tomllib or tomli, and jinja2" FORCE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "codegen needs a Python 3.9 or newer with jinja2, and tomli where Python is older than 3.11.\n"
                      "On Debian or Ubuntu: apt install python3 python3-jinja2. Elsewhere: pip install jinja2 tomli, or\n"
                      "name an interpreter that has them with -DHPCK_CODEGEN_PYTHON=/path/to/python.\n"
                      "Looked at: ${candidates}\nLast attempt: ${log}")
endfunction()
