#include "cli/data_paths.hpp"

#include <cstdlib>

namespace cli {

std::string default_data_folder() {
    if (const char* data = std::getenv("TRAINWARDEN_DATA"); data != nullptr && *data != '\0') return data;
    if (const char* share = std::getenv("XDG_DATA_HOME"); share != nullptr && *share == '/')
        return std::string(share) + "/trainwarden";
    const char* home = std::getenv("HOME");
    return std::string(home != nullptr && *home != '\0' ? home : "/root") + "/.local/share/trainwarden";
}

}  // namespace cli
