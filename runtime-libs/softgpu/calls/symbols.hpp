// Every function of the driver API by its row in proc_map.def.
#pragma once

#include <cstddef>

namespace vcuda::softgpu {

// Returns the address of this library's function of that row; row is less than export_tables::proc_row_count.
void* symbol_address(size_t row);

}  // namespace vcuda::softgpu
