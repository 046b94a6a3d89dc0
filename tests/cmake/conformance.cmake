# The emulator on code that is not ours: programs that nvcc compiles, CUTLASS's and CUB's among them (tests/conformance/run.py).
foreach(program cub libcudacxx libcudacxx_sm90 wmma cutlass_sm75 cutlass_sm80 cutlass_sm90_pingpong
        cutlass_sm90_cluster)
  add_test(NAME conformance_${program} COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tests/conformance/run.py
      --build ${PROJECT_BINARY_DIR}/tests/conformance --emulator $<TARGET_FILE:hpckemu> ${program})
  set_tests_properties(conformance_${program} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600 LABELS release-only)
endforeach()
