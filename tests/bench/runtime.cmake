# Carrying CUDA calls, over a driver that does nothing.
add_library(null_driver SHARED null_driver.cpp)
target_link_libraries(null_driver PRIVATE vcuda::settings vcuda::api)
add_executable(runtime_bench runtime_bench.cpp raw_socket.cpp)
target_link_libraries(runtime_bench PRIVATE vcuda::settings vcuda::api vcuda::transport ${CMAKE_DL_LIBS})
add_dependencies(runtime_bench vcuda vcuda_client null_driver)
