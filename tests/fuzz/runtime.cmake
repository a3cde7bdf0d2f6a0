# Both ends of the wire: what a worker reads from a client, what a client reads from a worker.
vcuda_fuzz(requests_fuzz SOURCES requests_fuzz.cpp LIBS vcuda::worker)
vcuda_fuzz(welcome_fuzz SOURCES welcome_fuzz.cpp ${CMAKE_SOURCE_DIR}/runtime-libs/client/snapshot.cpp LIBS vcuda::api)
