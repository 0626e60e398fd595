#include "os/descriptor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error_codes.hpp"

namespace os {

void Descriptor::close() {
    // EINTR after close() on Linux means closed: trying again could close somebody else's descriptor.
    if (number_ >= 0) ::close(std::exchange(number_, -1));
}

base::Result<Pipe> make_pipe() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return base::fail(base::code::FileError, std::string("cannot make a pipe: ") + std::strerror(errno));
    return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

}  // namespace os
