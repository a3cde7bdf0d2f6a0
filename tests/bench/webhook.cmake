# The webhook against a constant responder of the same stack; runs the real program, so it must be built first.
add_executable(webhook_bench webhook_bench.cpp webhook_load.cpp)
target_link_libraries(webhook_bench PRIVATE webhook_server certs)
add_dependencies(webhook_bench vcuda-webhook)
