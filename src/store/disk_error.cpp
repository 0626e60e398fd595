#include "store/disk_error.hpp"

#include <cerrno>
#include <cstring>

#include "base/error_codes.hpp"
#include "base/log.hpp"

namespace store {

base::Error disk_error(const std::string& what, const std::string& path, int number) {
    base::log_error("cannot " + what + " `" + path + "`: " + std::strerror(number));
    if (number == ENOSPC || number == EDQUOT) {
        return {base::code::InsufficientStorage,
                "The server's disk is full: nothing new can be stored until there is space. Deletes work."};
    }
    return {base::code::InternalError, "cannot " + what + " a file of the blob store: " + std::strerror(number)};
}

}  // namespace store
