vcuda_fuzz(softgpu_ptx_fuzz SOURCES ${CMAKE_CURRENT_LIST_DIR}/softgpu_ptx_fuzz.cpp LIBS vcuda::softgpu_core)
vcuda_fuzz(softgpu_fatbin_fuzz SOURCES ${CMAKE_CURRENT_LIST_DIR}/softgpu_fatbin_fuzz.cpp LIBS vcuda::softgpu_core)
