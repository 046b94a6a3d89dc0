# The GEMM kernels on oclgrind, with small tiles and ragged shapes: no data race, no access out of bounds and, in gemm_simt, no
# uninitialised value.
find_program(OCLGRIND oclgrind)
find_program(OCLGRIND_KERNEL oclgrind-kernel)
find_file(OCLGRIND_LIBRARY liboclgrind-rt.so PATHS /usr /usr/local PATH_SUFFIXES lib/oclgrind lib64/oclgrind lib)
if(NOT OCLGRIND OR NOT OCLGRIND_KERNEL OR NOT OCLGRIND_LIBRARY)
  message(STATUS "oclgrind was not found: its tests are left out")
  return()
endif()
add_executable(verify_point tools/verify_point.c)
target_link_libraries(verify_point PRIVATE hpck_flags hpck_test_support)
set(oclgrind_folder ${CMAKE_CURRENT_LIST_DIR}/../oclgrind)

# What oclgrind is for is found where it is known to be.
foreach(fault race beyond unset)
  set(race_text "data race")
  set(beyond_text "Invalid write of size 4")
  set(unset_text "depends on uninitialized value")
  add_test(NAME oclgrind_finds_${fault} WORKING_DIRECTORY ${oclgrind_folder}
           COMMAND ${CMAKE_COMMAND} -DOCLGRIND=${OCLGRIND_KERNEL} "-DCHECKS=--data-races;--uninitialized" -DLOG=${CMAKE_CURRENT_BINARY_DIR}/oclgrind-${fault}.log
           -DMUST_FIND=${${fault}_text} -P check.cmake -- ${fault}.sim)
endforeach()

# oclgrind_test(NAME FAMILY PARAMETERS PROBLEM...)
function(oclgrind_test name family params)
  set(checks --data-races)
  if(NOT family MATCHES "_cpu$") # whose accesses through packed structures crash oclgrind 21.10's check for uninitialised values
    list(APPEND checks --uninitialized)
  endif()
  add_test(NAME oclgrind_${name} COMMAND ${CMAKE_COMMAND} -DOCLGRIND=${OCLGRIND} "-DCHECKS=${checks}"
           -DLOG=${CMAKE_CURRENT_BINARY_DIR}/oclgrind-${name}.log -P ${oclgrind_folder}/check.cmake -- $<TARGET_FILE:verify_point> ${family} ${params} ${ARGN})
  set_tests_properties(oclgrind_${name} PROPERTIES TIMEOUT 300 LABELS release-only ENVIRONMENT
      "${HPCK_TEST_ENVIRONMENT};HPCK_OPENCL_LIBRARY=${OCLGRIND_LIBRARY};HPCK_CACHE_DIR=")
endfunction()

oclgrind_test(gemm_simt gemm_simt
    tile_m=16,tile_n=16,tile_k=8,thread_m=4,thread_n=4,vector_width=4,stages=2,local_pad=4,unroll_k=1
    gemm:f32:nn:m17n19k21 gemm:f16:tn:m33n5k17:b2 gemm:bf16:nt:m5n31k9:bias:gelu "gemm:f16>f32:tt:m16n16k8:relu" gemm:f32:nn:m3n5k0)
oclgrind_test(gemm_simt_split_k gemm_simt
    tile_m=16,tile_n=16,tile_k=8,thread_m=2,thread_n=4,vector_width=1,stages=1,local_pad=1,unroll_k=1,split_k=2
    gemm:f32:tt:m15n18k37:bias:silu "gemm:bf16>f32:nn:m1n17k16:b3" gemm:f16:nt:m17n2k23)
oclgrind_test(gemm_simt_wide_tile gemm_simt
    tile_m=16,tile_n=32,tile_k=8,thread_m=2,thread_n=8,vector_width=2,stages=2,local_pad=2,unroll_k=1,split_k=4
    gemm:bf16:tn:m18n33k35 gemm:f32:nt:m2n34k33:bias:relu)
oclgrind_test(gemm_cpu gemm_cpu
    thread_m=4,vectors_n=2,vector_width=4,pack_a=1,pack_b=1,tile_m=32,tile_n=64,tile_k=128,chunk_n=32
    gemm:f32:nn:m35n41k150:bias:relu gemm:f16:tn:m9n17k140 gemm:bf16:nt:m5n7k3:b2 "gemm:f16>f32:tt:m33n9k5")
oclgrind_test(gemm_cpu_unpacked gemm_cpu
    thread_m=6,vectors_n=1,vector_width=4,pack_a=0,pack_b=0,tile_m=32,tile_n=32,tile_k=128,chunk_n=32
    gemm:f32:nn:m35n41k21 gemm:bf16:tn:m9n17k15:gelu "gemm:bf16>f32:nn:m7n8k3:b3")
oclgrind_test(gemm_skinny_cpu gemm_skinny_cpu
    vector_width=4,streams=2,vectors=1,thread_rows=2,tile_l=64,tile_k=256,split_k=1
    gemm:f32:nn:m3n70k37:bias:relu gemm:f16:nt:m5n66k33 gemm:bf16:tn:m67n2k21:b2 "gemm:f16>f32:tt:m1n65k35")
oclgrind_test(gemm_skinny_cpu_split_k gemm_skinny_cpu
    vector_width=4,streams=3,vectors=1,thread_rows=1,tile_l=64,tile_k=256,split_k=4
    gemm:f32:nt:m2n70k67:bias:silu gemm:bf16:nn:m1n65k300 gemm:f16:nn:m67n3k90)
oclgrind_test(reduce_row_simt reduce_row_simt work_items=64,vector_width=4,turns=2
    reduce:sum:f32:7x1000:axes1 reduce:argmax:f16:3x1100:axes1 reduce:meanvar:bf16:3x2x49:axes0,2 reduce:dot:f32:9000:axes0)
oclgrind_test(reduce_column_simt reduce_column_simt items_x=16,items_y=4,vector_width=2,slices=1
    reduce:sum:f32:37x19:axes0 reduce:argmin:f16:5x17x13:axes1 "reduce:meanvar:bf16>f32:3x2x9x21:axes0,2")
oclgrind_test(reduce_column_simt_slices reduce_column_simt items_x=16,items_y=2,vector_width=1,slices=4
    reduce:norm2:f32:67x19:axes0 reduce:argmax:f16:5x70x13:axes1)
oclgrind_test(reduce_strided reduce_strided work_items=1,slices=1 reduce:sum:f32:3x4x5x6:axes1,3 reduce:argmax:bf16:3x4x5x6:axes1,3)
oclgrind_test(normalize_row_simt normalize_row_simt work_items=64,vector_width=2
    reduce:softmax:f32:3x300:axes1 reduce:layernorm:f16:2x9000:axes1 "reduce:rmsnorm:bf16>f32:3x65:axes1")
oclgrind_test(reduce_row_cpu reduce_row_cpu vector_width=4,prefetch=0,split=0,groups=1
    reduce:sum:f32:7x1000:axes1 reduce:argmax:f16:3x9000:axes1 reduce:meanvar:bf16:3x2x49:axes0,2)
oclgrind_test(reduce_column_cpu reduce_column_cpu vector_width=4,prefetch=0,tile_width=128,slices=1
    reduce:sum:f32:67x19:axes0 reduce:argmin:f16:5x70x13:axes1 "reduce:meanvar:bf16>f32:400x3:axes0")
oclgrind_test(reduce_column_cpu_slices reduce_column_cpu vector_width=4,prefetch=0,tile_width=128,slices=2
    reduce:sum:f32:67x70:axes0 reduce:argmin:f16:2x37x65:axes1)
oclgrind_test(normalize_row_cpu normalize_row_cpu vector_width=4,prefetch=0,streaming=0,groups=1
    reduce:softmax:f32:3x300:axes1 reduce:layernorm:f16:2x1030:axes1)
oclgrind_test(conv_implicit_cpu conv_implicit_cpu
    thread_m=4,vectors_n=1,vector_width=4,tile_pixels=16,tile_out=32,tile_in=16
    conv:fwd:f32:nhwc:n1c18h5w6k7r3s3:p1 conv:fwd:f16:nchw:n2c3h6w5k5r2s3:p1x0+1:s2:d1x2:bias:relu conv:bwd_data:bf16:nchw:n1c4h6w5k6r3s3:p1:s2:g2)
oclgrind_test(conv_winograd_cpu conv_winograd_cpu
    out_tile=4,thread_m=4,vectors_n=1,vector_width=4,tile_count=4,tile_out=32,tile_in=16
    conv:fwd:f32:nhwc:n1c5h6w7k6r3s3:p1 conv:bwd_data:f16:nchw:n1c4h5w6k3r3s3:p0)
oclgrind_test(conv_depthwise_cpu conv_depthwise_cpu
    thread_m=2,vector_width=4,tile_pixels=16,tile_out=16
    conv:fwd:f32:nhwc:n1c18h5w6k18r3s3:p1:g18:residual conv:bwd_data:bf16:nchw:n1c6h6w5k6r3s3:p1:s2:g6)
oclgrind_test(conv_filter_cpu conv_filter_cpu
    thread_m=4,vectors_n=1,vector_width=4,tile_pixels=32,tile_k=16,tile_c=16,slices=2
    conv:bwd_filter:f32:nhwc:n2c5h9w8k6r3s3:p1 conv:bwd_filter:f16:nchw:n2c4h8w9k3r2s3:p1:s2x1:d1x2)
oclgrind_test(conv_simt conv_simt
    tile_m=16,tile_n=16,tile_k=8,thread_m=4,thread_n=4
    conv:fwd:f32:nhwc:n1c5h4w5k6r3s3:p1:bias:relu conv:bwd_data:f16:nchw:n1c4h5w4k6r2s3:p1:s2:g2 conv:bwd_filter:bf16:nchw:n2c5h6w5k6r2s3:p1)
