// Marks a function as one of the symbols libcuda.so.1 exports; everything else in the library is hidden.
#pragma once
#define VCUDA_EXPORT extern "C" __attribute__((visibility("default")))
