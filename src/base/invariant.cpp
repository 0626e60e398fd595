#include "base/invariant.hpp"

#include <cstdio>
#include <cstdlib>

namespace base {

void invariant_failed(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "trainwarden: internal error: %s is false at %s:%d\n", condition, file, line);
    std::abort();
}

}  // namespace base
