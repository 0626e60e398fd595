#include "net/descriptor.hpp"

#include <unistd.h>

namespace net {

void Descriptor::close() {
    // EINTR after close() on Linux means closed: trying again could close somebody else's descriptor.
    if (number_ >= 0) ::close(std::exchange(number_, -1));
}

}  // namespace net
