// INVARIANT(condition): always on. For programmer errors only: prints where, then aborts.
#pragma once

namespace base {
[[noreturn]] void invariant_failed(const char* condition, const char* file, int line);
}

#define INVARIANT(condition)                                          \
    do {                                                              \
        if (!(condition)) [[unlikely]]                                \
            ::base::invariant_failed(#condition, __FILE__, __LINE__); \
    } while (false)
